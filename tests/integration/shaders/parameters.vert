#version 450
// The draw's own numbers as a place and a colour.
#extension GL_ARB_shader_draw_parameters : require
layout(location = 0) out vec4 color;

void main()
{
	int corner = gl_VertexIndex - gl_BaseVertexARB;
	vec2 at = vec2(corner & 1, corner >> 1) * 0.2;
	vec2 cell = vec2(gl_DrawIDARB % 8, gl_InstanceIndex % 8) * 0.25 - 1.0;
	gl_Position = vec4(cell + at, 0.5, 1.0);
	color = vec4(gl_DrawIDARB, gl_InstanceIndex, gl_BaseVertexARB, 8) / 8.0;
}
