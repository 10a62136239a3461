#version 450
// Mix what the subpass before left in two attachments.
layout(location = 0) out vec4 result;
layout(input_attachment_index = 0, binding = 0) uniform subpassInput first;
layout(input_attachment_index = 1, binding = 1) uniform subpassInput second;

void main()
{
	result = subpassLoad(first) * 0.75 + vec4(subpassLoad(second).x * 0.25);
}
