#version 450
// target: vulkan1.3
// Buffers from an array of any length, each invocation another one.
#extension GL_EXT_nonuniform_qualifier : require
layout(local_size_x = 32) in;
layout(binding = 0) buffer Result { uint result[]; };
layout(binding = 1) readonly buffer Input { uint words[]; } inputs[];

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint which = (i * 5 + 1) % 7 * 2;
	result[i] = inputs[nonuniformEXT(which)].words[i];
}
