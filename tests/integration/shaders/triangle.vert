#version 450
// A triangle without buffers, each corner in its colour.
layout(location = 0) out vec4 color;

void main()
{
	const vec2 corners[3] = vec2[](vec2(0.0, -0.8), vec2(0.8, 0.7), vec2(-0.8, 0.5));
	const vec3 colors[3] = vec3[](vec3(1, 0, 0), vec3(0, 1, 0), vec3(0, 0, 1));
	gl_Position = vec4(corners[gl_VertexIndex % 3], 0.5, 1.0);
	color = vec4(colors[gl_VertexIndex % 3], 1.0);
}
