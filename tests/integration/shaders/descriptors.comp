#version 450
// One descriptor of every kind that a compute shader can read.
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0) uniform Uniform { uvec4 uniform_value; };
layout(binding = 1) uniform UniformDynamic { uvec4 uniform_dynamic; };
layout(binding = 2) buffer Storage { uint result[]; };
layout(binding = 3) buffer StorageDynamic { uint dynamic_words[]; };
layout(binding = 4) uniform usamplerBuffer texels;
layout(binding = 5, r32ui) uniform uimageBuffer texel_result;
layout(binding = 6) uniform sampler2D combined;
layout(binding = 7) uniform texture2D separate_image;
layout(binding = 8) uniform sampler separate_sampler;
layout(binding = 9, rgba8) uniform image2D storage_image;

void main()
{
	ivec2 at = ivec2(gl_GlobalInvocationID.xy);
	int i = at.y * 16 + at.x;
	vec2 uv = (vec2(at) + 0.25) / 16.0;
	vec4 a = textureLod(combined, uv, 0.0);
	vec4 b = textureLod(sampler2D(separate_image, separate_sampler), uv, 0.0);
	vec4 c = imageLoad(storage_image, at);
	imageStore(storage_image, at, 1.0 - c);
	uint word = dynamic_words[i];
	dynamic_words[i] = word + 1;
	uint texel = texelFetch(texels, i).x;
	imageStore(texel_result, i, uvec4(texel * 3));
	result[i * 4 + 0] = packUnorm4x8(a);
	result[i * 4 + 1] = packUnorm4x8(b);
	result[i * 4 + 2] = packUnorm4x8(c);
	result[i * 4 + 3] = uniform_value.x + uniform_dynamic.y + word + texel;
}
