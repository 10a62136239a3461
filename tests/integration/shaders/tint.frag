#version 450
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 result;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	result = vec4(tint.rgb * (0.5 + 0.5 * uv.x), tint.a);
}
