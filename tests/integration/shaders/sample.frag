#version 450
// Each sample gets its own value.
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;

void main()
{
	result = color * (0.25 + 0.25 * float(gl_SampleID));
}
