#version 450
// The colour of one corner: which one is the provoking vertex's business.
layout(location = 0) flat in vec4 color;
layout(location = 0) out vec4 result;

void main()
{
	result = color;
}
