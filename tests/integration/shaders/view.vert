#version 450
// Another place in every view.
#extension GL_EXT_multiview : require
layout(location = 0) out vec4 color;

void main()
{
	const vec2 corners[3] = vec2[](vec2(0.0, -0.8), vec2(0.8, 0.7), vec2(-0.8, 0.5));
	gl_Position = vec4(corners[gl_VertexIndex] * (0.4 + 0.3 * gl_ViewIndex), 0.5, 1.0);
	color = vec4(gl_ViewIndex, 1.0 - gl_ViewIndex, corners[gl_VertexIndex].x, 1.0);
}
