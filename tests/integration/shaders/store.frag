#version 450
// Count and mark fragments from the fragment shader.
layout(location = 0) in vec4 color;
layout(location = 0) out vec4 result;
layout(binding = 0) buffer Count { uint count; uint sum; };
layout(binding = 1, r32ui) uniform uimage2D marks;

void main()
{
	ivec2 at = ivec2(gl_FragCoord.xy);
	atomicAdd(count, 1);
	atomicAdd(sum, uint(at.x * at.y));
	imageAtomicAdd(marks, at, 1 + uint(at.x));
	result = color;
}
