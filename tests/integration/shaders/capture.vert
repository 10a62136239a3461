#version 450
// Vertices for transform feedback.
layout(location = 0, xfb_buffer = 0, xfb_offset = 0, xfb_stride = 32) out vec4 position;
layout(location = 1, xfb_buffer = 0, xfb_offset = 16) out uvec4 numbers;

void main()
{
	position = vec4(gl_VertexIndex, gl_InstanceIndex, 0.5, 1.0);
	numbers = uvec4(gl_VertexIndex * 3, gl_InstanceIndex * 5, 7, 9);
	gl_Position = position;
	gl_PointSize = 1.0;
}
