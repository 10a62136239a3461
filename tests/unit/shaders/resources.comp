#version 450
// One descriptor of each kind, some of them in functions only; set 7 is declared and not used.
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) uniform Uniforms { uint scale; };
layout(set = 0, binding = 1) buffer Storage { uint data[]; } buffers[3];
layout(set = 0, binding = 2) uniform sampler2D both[2][4];
layout(set = 1, binding = 0) uniform texture2D image;
layout(set = 1, binding = 1) uniform sampler filtering;
layout(set = 1, binding = 2, rgba8) uniform image2D stored;
layout(set = 1, binding = 3) uniform samplerBuffer texels;
layout(set = 1, binding = 4, r32ui) uniform uimageBuffer stored_texels;
layout(set = 1, binding = 9, r32ui) uniform uimage2D counters;
layout(set = 7, binding = 7) uniform Unused { uint unused; };

vec4 look(sampler2D from)
{
	return textureLod(from, vec2(0), 0);
}

uint count()
{
	return imageAtomicAdd(counters, ivec2(0), 1u);
}

void main()
{
	vec4 color = look(both[1][2]) + textureLod(sampler2D(image, filtering), vec2(0), 0) +
		     texelFetch(texels, 0);

	imageStore(stored, ivec2(0), color);
	imageStore(stored_texels, 0, uvec4(buffers[2].data.length()));
	if (scale > 3) {
		buffers[1].data[0] = count();
	}
}
