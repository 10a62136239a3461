#version 450
// Two sources for blending.
layout(location = 0) in vec2 uv;
layout(location = 0, index = 0) out vec4 first;
layout(location = 0, index = 1) out vec4 second;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	first = tint;
	second = vec4(uv, 1.0 - uv);
}
