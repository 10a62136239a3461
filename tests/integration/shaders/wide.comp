#version 450
// target: vulkan1.3
// 8, 16 and 64 bit numbers and doubles.
#extension GL_EXT_shader_explicit_arithmetic_types : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_atomic_int64 : require
layout(local_size_x = 32) in;
layout(binding = 0) buffer Bytes { uint8_t bytes[]; };
layout(binding = 1) buffer Halves { uint16_t halves[]; };
layout(binding = 2) buffer Longs { uint64_t longs[]; };
layout(binding = 3) buffer Doubles { double doubles[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint64_t wide = uint64_t(bytes[i]) * 0x0102030405060708ul + uint64_t(halves[i]);
	doubles[i] = double(wide) / 3.0lf + sqrt(double(i));
	atomicAdd(longs[0], wide);
	longs[i + 1] = wide;
	bytes[i] = uint8_t(bytes[i] * uint8_t(3));
	halves[i] = uint16_t(halves[i] ^ uint16_t(0x5aa5));
}
