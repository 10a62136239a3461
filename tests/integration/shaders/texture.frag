#version 450
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 result;
layout(binding = 0) uniform sampler2D image;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	result = texture(image, uv * 3.0 - 0.5) * tint;
}
