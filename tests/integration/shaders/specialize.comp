#version 450
// Everything comes from specialization constants, the workgroup's size too.
layout(local_size_x_id = 0) in;
layout(constant_id = 1) const uint factor = 1;
layout(constant_id = 2) const int offset = 0;
layout(constant_id = 3) const float scale = 1.0;
layout(constant_id = 4) const bool invert = false;
layout(constant_id = 5) const uint unset = 77;
layout(binding = 0) buffer Result { uint words[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint value = i * factor + uint(offset) + uint(float(i) * scale) + unset;
	words[i] = invert ? ~value : value;
	if (gl_LocalInvocationIndex == 0) {
		words[i] += gl_WorkGroupSize.x << 16;
	}
}
