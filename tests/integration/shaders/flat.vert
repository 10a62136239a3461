#version 450
// A triangle whose corners have a colour each, and some of it behind the eye.
layout(location = 0) flat out vec4 color;

void main()
{
	const vec2 corners[3] = vec2[](vec2(0.0, -0.8), vec2(0.8, 0.7), vec2(-0.8, 0.5));
	const vec3 colors[3] = vec3[](vec3(1, 0, 0), vec3(0, 1, 0), vec3(0, 0, 1));
	gl_Position = vec4(corners[gl_VertexIndex % 3], gl_VertexIndex == 1 ? 1.6 : 0.3, 1.0);
	color = vec4(colors[gl_VertexIndex % 3], 1.0);
}
