#version 450
layout(location = 0) in float brightness;
layout(location = 0) out vec4 color;

void main()
{
	color = vec4(brightness, 1.0 - brightness, 0.5, 1.0);
}
