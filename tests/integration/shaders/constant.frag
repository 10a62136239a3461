#version 450
// A colour that is chosen when the pipeline is made.
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;
layout(constant_id = 0) const float red = 0.0;
layout(constant_id = 1) const int mode = 0;

void main()
{
	result = mode == 1 ? vec4(red, color.gb, 1.0) : color;
}
