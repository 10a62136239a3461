#version 450
// One output of each numeric kind.
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 normalized;
layout(location = 1) out vec4 floats;
layout(location = 2) out uvec4 integers;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	normalized = vec4(uv, 0.5, 1.0);
	floats = vec4(uv * 10.0 - 5.0, dot(uv, uv), tint.a);
	integers = uvec4(gl_FragCoord.xy, uint(uv.x * 1000.0), 7);
}
