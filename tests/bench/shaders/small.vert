#version 450
// A triangle at a pushed place.
layout(push_constant) uniform Push { vec2 at; float size; float shade; };
layout(location = 0) out float brightness;

void main()
{
	vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
	gl_Position = vec4(at + corner * size, 0.5, 1.0);
	brightness = shade;
}
