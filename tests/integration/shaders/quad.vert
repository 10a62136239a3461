#version 450
// A triangle that covers the target, with texture coordinates and the instance as depth.
layout(location = 0) out vec2 uv;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
	uv = corner;
	gl_Position = vec4(mix(rect.xy, rect.zw, corner), depth, 1.0);
}
