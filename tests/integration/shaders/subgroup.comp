#version 450
// target: vulkan1.3
// What a subgroup computes together.
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_vote : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
layout(local_size_x = 64) in;
layout(binding = 0) buffer Words { uvec4 words[]; };

void main()
{
	uint i = gl_GlobalInvocationID.x;
	uint value = words[i].x;
	words[i] = uvec4(subgroupAdd(value), subgroupMax(value),
			 subgroupBallot((value & 1) != 0).x,
			 uint(subgroupAll(value > 4)) | gl_SubgroupSize << 8);
}
