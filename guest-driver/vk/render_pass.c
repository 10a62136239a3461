/* SPDX-License-Identifier: MIT */
/* Render passes remember which kinds of attachments their subpasses use. */
#include "guest-driver/vk/render_pass.h"

#include "guest-driver/vk/message.h"
#include "protocol/sl_entries.h"

static struct sl_render_pass *create_object(VkDevice device, uint32_t subpass_count)
{
	struct sl_render_pass *pass =
		sl_guest_object_create(SL_GUEST_OBJECT(device), VK_OBJECT_TYPE_RENDER_PASS,
				       sizeof(*pass) + subpass_count * sizeof(pass->subpasses[0]));

	if (pass != NULL) {
		pass->subpass_count = subpass_count;
	}
	return pass;
}

/* The same for both generations of the struct, whose members have the same names. */
#define DESCRIBE_SUBPASS(subpass, info)                                                           \
	({                                                                                        \
		for (uint32_t at = 0; at < (info)->colorAttachmentCount; at++) {                  \
			(subpass)->uses_color |=                                                  \
				(info)->pColorAttachments[at].attachment != VK_ATTACHMENT_UNUSED; \
		}                                                                                 \
		(subpass)->uses_depth_stencil =                                                   \
			(info)->pDepthStencilAttachment != NULL &&                                \
			(info)->pDepthStencilAttachment->attachment != VK_ATTACHMENT_UNUSED;      \
	})

/* sent: how sending went. */
static VkResult finish_create(struct sl_render_pass *pass, int sent, VkRenderPass *ret_pass)
{
	if (sent < 0) {
		sl_guest_object_destroy(pass);
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	*ret_pass = (VkRenderPass)(uintptr_t)pass;
	return VK_SUCCESS;
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateRenderPass(VkDevice device,
						     const VkRenderPassCreateInfo *pCreateInfo,
						     const VkAllocationCallbacks *pAllocator,
						     VkRenderPass *pRenderPass)
{
	struct sl_render_pass *pass = create_object(device, pCreateInfo->subpassCount);
	VkRenderPass handle = (VkRenderPass)(uintptr_t)pass;
	const struct sl_vkCreateRenderPass args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pRenderPass = &handle,
	};

	*pRenderPass = VK_NULL_HANDLE;
	if (pass == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < pass->subpass_count; i++) {
		DESCRIBE_SUBPASS(&pass->subpasses[i], &pCreateInfo->pSubpasses[i]);
	}
	int sent = SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateRenderPass, &args);
	return finish_create(pass, sent, pRenderPass);
}

VKAPI_ATTR VkResult VKAPI_CALL sl_vkCreateRenderPass2(VkDevice device,
						      const VkRenderPassCreateInfo2 *pCreateInfo,
						      const VkAllocationCallbacks *pAllocator,
						      VkRenderPass *pRenderPass)
{
	struct sl_render_pass *pass = create_object(device, pCreateInfo->subpassCount);
	VkRenderPass handle = (VkRenderPass)(uintptr_t)pass;
	const struct sl_vkCreateRenderPass2 args = {
		.device = device,
		.pCreateInfo = pCreateInfo,
		.pRenderPass = &handle,
	};

	*pRenderPass = VK_NULL_HANDLE;
	if (pass == NULL) {
		return VK_ERROR_OUT_OF_HOST_MEMORY;
	}
	for (uint32_t i = 0; i < pass->subpass_count; i++) {
		DESCRIBE_SUBPASS(&pass->subpasses[i], &pCreateInfo->pSubpasses[i]);
	}
	int sent = SL_MESSAGE_SEND(SL_GUEST_OBJECT(device), vkCreateRenderPass2, &args);
	return finish_create(pass, sent, pRenderPass);
}
