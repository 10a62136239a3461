#version 450
// A cube map, an array, a 3D image and a comparison.
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 result;
layout(binding = 0) uniform samplerCube cube;
layout(binding = 1) uniform sampler2DArray layers;
layout(binding = 2) uniform sampler3D volume;
layout(binding = 3) uniform sampler2DShadow shadow;
layout(push_constant) uniform Push { vec4 tint; vec4 rect; float depth; };

void main()
{
	vec3 direction = vec3(uv * 2.0 - 1.0, tint.x);
	result = texture(cube, direction) * 0.25 + texture(layers, vec3(uv, tint.y)) * 0.25 +
		 texture(volume, vec3(uv, tint.z)) * 0.25 + texture(shadow, vec3(uv, 0.5)) * 0.25;
}
