#version 450
// A loop in a loop, with branches; the read of an image that others write is outside of both.
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0, r32ui) uniform coherent uimage2D image;
layout(binding = 1) buffer Words { uint words[]; };

void main()
{
	uint sum = imageLoad(image, ivec2(gl_GlobalInvocationID.xy)).x;
	for (uint i = 0; i < 16; i++) {
		for (uint k = i; k < 16; k++) {
			if ((sum & k) == 3) {
				continue;
			}
			sum += k * i;
		}
		switch (sum & 3) {
		case 0:
			sum++;
			break;
		case 1:
			sum *= 3;
		default:
			sum ^= 5;
		}
	}
	words[gl_GlobalInvocationID.x] = sum;
}
