#version 450
// Write what was pushed at the place that was pushed.
layout(local_size_x = 1) in;
layout(binding = 0) buffer Result { uvec4 slots[]; };
layout(push_constant) uniform Push { uvec4 value; uint slot; uint extra; };

void main()
{
	slots[slot] = value + uvec4(extra);
}
