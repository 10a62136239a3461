/* SPDX-License-Identifier: MIT */
/* Render passes, framebuffers and dynamic rendering: attachments that exist, and are as large as
 * what is rendered to them. */
#include "host/check/check_priv.h"
#include "host/check/range.h"
#include "host/check/regular.h"
#include "protocol/sl_formats.h"

#include <errno.h>
#include <stdlib.h>

#define READ  0u
#define COLOR ((VkImageUsageFlags)VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT)
#define DEPTH ((VkImageUsageFlags)VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT)

/* A render pass of either version while it is looked at. */
struct pass_info {
	struct sl_check *check;
	struct sl_check_pass *pass; /* NULL: only checked */
	uint32_t attachment_count;
	uint32_t subpass_count;
};

static int check_number(struct pass_info *info, uint32_t attachment)
{
	return attachment == VK_ATTACHMENT_UNUSED || attachment < info->attachment_count
		       ? 0
		       : sl_check_fail(info->check, "attachment %u of %u", attachment,
				       info->attachment_count);
}

/* seen: the samples of what is named are added; NULL for what is not rendered to. */
static int check_reference(struct pass_info *info, uint32_t attachment, VkImageUsageFlags usage,
			   VkSampleCountFlags *seen)
{
	int r = check_number(info, attachment);

	if (r == 0 && attachment != VK_ATTACHMENT_UNUSED && info->pass != NULL) {
		struct sl_check_attachment *noted = &info->pass->attachments[attachment];

		noted->is_rendered = true;
		noted->usage |= usage;
		if (seen != NULL) {
			*seen |= (VkSampleCountFlags)noted->samples;
		}
	}
	return r;
}

static int check_references(struct pass_info *info, uint32_t count,
			    const VkAttachmentReference *references, VkImageUsageFlags usage,
			    VkSampleCountFlags *seen)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && references != NULL && i < count; i++) {
		r = check_reference(info, references[i].attachment, usage, seen);
	}
	return r;
}

static int check_references2(struct pass_info *info, uint32_t count,
			     const VkAttachmentReference2 *references, VkImageUsageFlags usage,
			     VkSampleCountFlags *seen)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && references != NULL && i < count; i++) {
		r = check_reference(info, references[i].attachment, usage, seen);
	}
	return r;
}

static int check_preserved(struct pass_info *info, uint32_t count, const uint32_t *attachments)
{
	for (uint32_t i = 0; i < count; i++) {
		if (attachments[i] >= info->attachment_count) {
			return sl_check_fail(info->check, "attachment %u of %u", attachments[i],
					     info->attachment_count);
		}
	}
	return 0;
}

static int check_color_count(struct pass_info *info, uint32_t count)
{
	return count <= info->check->limits.maxColorAttachments
		       ? 0
		       : sl_check_fail(info->check, "%u color attachments", count);
}

static int check_subpass(struct pass_info *info, const VkSubpassDescription *subpass)
{
	VkSampleCountFlags seen = 0;
	int r = check_color_count(info, subpass->colorAttachmentCount);

	r = r == 0 ? check_references(info, subpass->inputAttachmentCount,
				      subpass->pInputAttachments, READ, NULL)
		   : r;
	r = r == 0 ? check_references(info, subpass->colorAttachmentCount,
				      subpass->pColorAttachments, COLOR, &seen)
		   : r;
	r = r == 0 ? check_references(info, subpass->colorAttachmentCount,
				      subpass->pResolveAttachments, COLOR, NULL)
		   : r;
	r = r == 0 ? check_references(info, 1, subpass->pDepthStencilAttachment, DEPTH, &seen) : r;
	r = r == 0 ? sl_check_samples(info->check, seen, NULL) : r;
	return r == 0 ? check_preserved(info, subpass->preserveAttachmentCount,
					subpass->pPreserveAttachments)
		      : r;
}

static int check_subpass2(struct pass_info *info, const VkSubpassDescription2 *subpass)
{
	const VkSubpassDescriptionDepthStencilResolve *resolve = sl_check_chain_find(
		subpass->pNext, VK_STRUCTURE_TYPE_SUBPASS_DESCRIPTION_DEPTH_STENCIL_RESOLVE);
	const VkFragmentShadingRateAttachmentInfoKHR *rate = sl_check_chain_find(
		subpass->pNext, VK_STRUCTURE_TYPE_FRAGMENT_SHADING_RATE_ATTACHMENT_INFO_KHR);
	VkSampleCountFlags seen = 0;
	int r = check_color_count(info, subpass->colorAttachmentCount);

	r = r == 0 ? check_references2(info, subpass->inputAttachmentCount,
				       subpass->pInputAttachments, READ, NULL)
		   : r;
	r = r == 0 ? check_references2(info, subpass->colorAttachmentCount,
				       subpass->pColorAttachments, COLOR, &seen)
		   : r;
	r = r == 0 ? check_references2(info, subpass->colorAttachmentCount,
				       subpass->pResolveAttachments, COLOR, NULL)
		   : r;
	r = r == 0 ? check_references2(info, 1, subpass->pDepthStencilAttachment, DEPTH, &seen) : r;
	r = r == 0 ? sl_check_samples(info->check, seen, subpass->pNext) : r;
	if (r == 0 && resolve != NULL) {
		r = check_references2(info, 1, resolve->pDepthStencilResolveAttachment, DEPTH,
				      NULL);
	}
	/* Smaller than what is rendered, by the size of its texels. */
	if (r == 0 && rate != NULL && rate->pFragmentShadingRateAttachment != NULL) {
		r = check_number(info, rate->pFragmentShadingRateAttachment->attachment);
	}
	return r == 0 ? check_preserved(info, subpass->preserveAttachmentCount,
					subpass->pPreserveAttachments)
		      : r;
}

static int check_dependency(struct pass_info *info, uint32_t from, uint32_t to)
{
	if ((from != VK_SUBPASS_EXTERNAL && from >= info->subpass_count) ||
	    (to != VK_SUBPASS_EXTERNAL && to >= info->subpass_count)) {
		return sl_check_fail(info->check, "a dependency of subpass %u on %u of %u", to,
				     from, info->subpass_count);
	}
	return 0;
}

/* Drivers go through these arrays by the counts of the pass. */
static int check_chain(struct pass_info *info, const VkRenderPassCreateInfo *args)
{
	const VkRenderPassMultiviewCreateInfo *multiview = sl_check_chain_find(
		args->pNext, VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO);
	const VkRenderPassInputAttachmentAspectCreateInfo *aspects = sl_check_chain_find(
		args->pNext, VK_STRUCTURE_TYPE_RENDER_PASS_INPUT_ATTACHMENT_ASPECT_CREATE_INFO);

	if (multiview != NULL &&
	    ((multiview->subpassCount != 0 && multiview->subpassCount != args->subpassCount) ||
	     (multiview->dependencyCount != 0 &&
	      multiview->dependencyCount != args->dependencyCount))) {
		return sl_check_fail(info->check, "view masks of %u subpasses of %u",
				     multiview->subpassCount, args->subpassCount);
	}
	for (uint32_t i = 0; aspects != NULL && i < aspects->aspectReferenceCount; i++) {
		const VkInputAttachmentAspectReference *at = &aspects->pAspectReferences[i];

		if (at->subpass >= args->subpassCount ||
		    at->inputAttachmentIndex >=
			    args->pSubpasses[at->subpass].inputAttachmentCount) {
			return sl_check_fail(info->check, "aspects of an attachment that is not");
		}
	}
	return 0;
}

static int check_pass(struct pass_info *info, const VkRenderPassCreateInfo *args)
{
	int r = check_chain(info, args);

	for (uint32_t i = 0; r == 0 && i < args->subpassCount; i++) {
		r = check_subpass(info, &args->pSubpasses[i]);
	}
	for (uint32_t i = 0; r == 0 && i < args->dependencyCount; i++) {
		r = check_dependency(info, args->pDependencies[i].srcSubpass,
				     args->pDependencies[i].dstSubpass);
	}
	return r;
}

static int check_pass2(struct pass_info *info, const VkRenderPassCreateInfo2 *args)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < args->subpassCount; i++) {
		r = check_subpass2(info, &args->pSubpasses[i]);
	}
	for (uint32_t i = 0; r == 0 && i < args->dependencyCount; i++) {
		r = check_dependency(info, args->pDependencies[i].srcSubpass,
				     args->pDependencies[i].dstSubpass);
	}
	return r;
}

int sl_check_vkCreateRenderPass(struct sl_check *check, struct sl_vkCreateRenderPass *args)
{
	struct pass_info info = {
		.check = check,
		.attachment_count = args->pCreateInfo->attachmentCount,
		.subpass_count = args->pCreateInfo->subpassCount,
	};

	return check_pass(&info, args->pCreateInfo);
}

int sl_check_vkCreateRenderPass2(struct sl_check *check, struct sl_vkCreateRenderPass2 *args)
{
	struct pass_info info = {
		.check = check,
		.attachment_count = args->pCreateInfo->attachmentCount,
		.subpass_count = args->pCreateInfo->subpassCount,
	};

	return check_pass2(&info, args->pCreateInfo);
}

static struct sl_check_pass *create_pass(struct sl_check_node *node, const struct pass_info *info)
{
	struct sl_check_pass *pass =
		calloc(1, sizeof(*pass) + info->attachment_count * sizeof(pass->attachments[0]) +
				  info->subpass_count * sizeof(uint32_t));

	if (pass != NULL) {
		pass->attachment_count = info->attachment_count;
		pass->subpass_count = info->subpass_count;
		pass->color_counts = (uint32_t *)(pass->attachments + pass->attachment_count);
		node->extra = pass;
	}
	return pass;
}

/* The operation for what a format does not have means nothing. */
static bool is_cleared(VkFormat value, VkAttachmentLoadOp load, VkAttachmentLoadOp stencil_load)
{
	const VkImageAspectFlags stencil = VK_IMAGE_ASPECT_STENCIL_BIT;
	const struct sl_format *format = sl_format_find(value);
	VkImageAspectFlags aspects = format != NULL ? format->aspects : VK_IMAGE_ASPECT_COLOR_BIT;

	return (load == VK_ATTACHMENT_LOAD_OP_CLEAR && aspects != stencil) ||
	       (stencil_load == VK_ATTACHMENT_LOAD_OP_CLEAR && (aspects & stencil) != 0);
}

static void note_attachment(struct sl_check_pass *pass, uint32_t index, VkFormat format,
			    VkSampleCountFlagBits samples, bool is_cleared)
{
	pass->attachments[index].format = format;
	pass->attachments[index].samples = samples;
	pass->clear_count = is_cleared ? index + 1 : pass->clear_count;
}

static void note_views(struct sl_check_pass *pass, uint32_t mask)
{
	uint32_t count = mask != 0 ? 32 - (uint32_t)__builtin_clz(mask) : 0;

	pass->view_count = count > pass->view_count ? count : pass->view_count;
}

int sl_check_note_vkCreateRenderPass(struct sl_check *check, struct sl_vkCreateRenderPass *args)
{
	const VkRenderPassCreateInfo *given = args->pCreateInfo;
	const VkRenderPassMultiviewCreateInfo *multiview = sl_check_chain_find(
		given->pNext, VK_STRUCTURE_TYPE_RENDER_PASS_MULTIVIEW_CREATE_INFO);
	struct sl_check_node *node = sl_check_node_of(args->created[0]);
	struct pass_info info = { check, NULL, given->attachmentCount, given->subpassCount };

	if (node == NULL) {
		return 0;
	}
	info.pass = create_pass(node, &info);
	if (info.pass == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < given->attachmentCount; i++) {
		const VkAttachmentDescription *at = &given->pAttachments[i];

		note_attachment(info.pass, i, at->format, at->samples,
				is_cleared(at->format, at->loadOp, at->stencilLoadOp));
	}
	for (uint32_t i = 0; multiview != NULL && i < multiview->subpassCount; i++) {
		note_views(info.pass, multiview->pViewMasks[i]);
	}
	for (uint32_t i = 0; i < given->subpassCount; i++) {
		((uint32_t *)info.pass->color_counts)[i] =
			given->pSubpasses[i].colorAttachmentCount;
	}
	return check_pass(&info, given);
}

int sl_check_note_vkCreateRenderPass2(struct sl_check *check, struct sl_vkCreateRenderPass2 *args)
{
	const VkRenderPassCreateInfo2 *given = args->pCreateInfo;
	struct sl_check_node *node = sl_check_node_of(args->created[0]);
	struct pass_info info = { check, NULL, given->attachmentCount, given->subpassCount };

	if (node == NULL) {
		return 0;
	}
	info.pass = create_pass(node, &info);
	if (info.pass == NULL) {
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < given->attachmentCount; i++) {
		const VkAttachmentDescription2 *at = &given->pAttachments[i];

		note_attachment(info.pass, i, at->format, at->samples,
				is_cleared(at->format, at->loadOp, at->stencilLoadOp));
	}
	for (uint32_t i = 0; i < given->subpassCount; i++) {
		note_views(info.pass, given->pSubpasses[i].viewMask);
		((uint32_t *)info.pass->color_counts)[i] =
			given->pSubpasses[i].colorAttachmentCount;
	}
	return check_pass2(&info, given);
}

static const struct sl_check_pass *find_pass(const struct sl_object_list *named, uint32_t *cursor,
					     VkRenderPass handle)
{
	const struct sl_check_node *node = sl_check_find(named, cursor, VK_OBJECT_TYPE_RENDER_PASS,
							 (uint64_t)(uintptr_t)handle);

	return node != NULL ? node->extra : NULL;
}

/* Does a pixel of that use fit into a texel of the view? One of what was made to be an attachment
 * has a format that the driver knows as such. Zink clears others with its draws, for which it is
 * enough that they have texels, not blocks, of the same aspect. */
static bool fits_texels(const struct sl_check_view *view, VkImageUsageFlags usage)
{
	const struct sl_format *format = sl_format_find(view->format);
	VkImageAspectFlags aspects =
		(usage & DEPTH) != 0 ? VK_IMAGE_ASPECT_DEPTH_BIT | VK_IMAGE_ASPECT_STENCIL_BIT
				     : VK_IMAGE_ASPECT_COLOR_BIT;

	return (usage & ~view->usage) == 0 ||
	       (usage != (COLOR | DEPTH) && format != NULL && (format->aspects & ~aspects) == 0 &&
		sl_check_is_texel(format));
}

/* Is the view as large as what will be rendered to it, and its format one that a software driver
 * can write as what it is used as? */
static int check_view(struct sl_check *check, const struct sl_check_view *view, VkExtent2D extent,
		      uint32_t layer_count, VkImageUsageFlags usage)
{
	if (check->is_software && !fits_texels(view, usage)) {
		return sl_check_fail(check, "a view with usage 0x%x is used as 0x%x", view->usage,
				     usage);
	}
	if (view->extent.width >= extent.width && view->extent.height >= extent.height &&
	    view->layer_count >= layer_count) {
		return 0;
	}
	return sl_check_fail(check, "%u x %u, %u layers are rendered to a view of %u x %u, %u",
			     extent.width, extent.height, layer_count, view->extent.width,
			     view->extent.height, view->layer_count);
}

static int check_attachments(struct sl_check *check, const struct sl_object_list *named,
			     uint32_t *cursor, const struct sl_check_pass *pass,
			     const struct sl_check_framebuffer *framebuffer,
			     const VkImageView *handles)
{
	uint32_t layer_count = pass->view_count > framebuffer->layer_count
				       ? pass->view_count
				       : framebuffer->layer_count;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < pass->attachment_count; i++) {
		const struct sl_check_attachment *attachment = &pass->attachments[i];
		const struct sl_check_view *view = sl_check_find(
			named, cursor, VK_OBJECT_TYPE_IMAGE_VIEW, (uint64_t)(uintptr_t)handles[i]);

		if (view == NULL) {
			return sl_check_fail(check, "attachment %u is not there", i);
		}
		if (view->format != attachment->format || view->samples != attachment->samples) {
			return sl_check_fail(check,
					     "attachment %u has format %d and %d samples, not %d "
					     "and %d",
					     i, view->format, view->samples, attachment->format,
					     attachment->samples);
		}
		r = attachment->is_rendered ? check_view(check, view, framebuffer->extent,
							 layer_count, attachment->usage)
					    : 0;
	}
	return r;
}

/* The framebuffer as its creation describes it. */
static struct sl_check_framebuffer describe(const VkFramebufferCreateInfo *info)
{
	return (struct sl_check_framebuffer){
		.is_imageless = (info->flags & VK_FRAMEBUFFER_CREATE_IMAGELESS_BIT) != 0,
		.attachment_count = info->attachmentCount,
		.extent = { info->width, info->height },
		.layer_count = info->layers,
	};
}

int sl_check_vkCreateFramebuffer(struct sl_check *check, struct sl_vkCreateFramebuffer *args)
{
	const VkFramebufferCreateInfo *info = args->pCreateInfo;
	const VkPhysicalDeviceLimits *limits = &check->limits;
	const struct sl_check_framebuffer framebuffer = describe(info);
	uint32_t cursor = 0;
	const struct sl_check_pass *pass = find_pass(args->named, &cursor, info->renderPass);

	if (pass == NULL || pass->attachment_count != info->attachmentCount) {
		return sl_check_fail(check, "%u attachments for a render pass of %u",
				     info->attachmentCount,
				     pass != NULL ? pass->attachment_count : 0);
	}
	if (info->width > limits->maxFramebufferWidth ||
	    info->height > limits->maxFramebufferHeight ||
	    info->layers > limits->maxFramebufferLayers) {
		return sl_check_fail(check, "%u x %u, %u layers are too large", info->width,
				     info->height, info->layers);
	}
	/* Drivers count up to the last one, which would be the one before the first. */
	if (info->width == 0 || info->height == 0 || info->layers == 0) {
		return sl_check_fail(check, "%u x %u, %u layers are nothing", info->width,
				     info->height, info->layers);
	}
	return framebuffer.is_imageless ? 0
					: check_attachments(check, args->named, &cursor, pass,
							    &framebuffer, info->pAttachments);
}

int sl_check_note_vkCreateFramebuffer(struct sl_check *check, struct sl_vkCreateFramebuffer *args)
{
	struct sl_check_framebuffer *framebuffer =
		(struct sl_check_framebuffer *)sl_check_node_of(args->created[0]);

	(void)check;
	if (framebuffer != NULL) {
		const struct sl_check_framebuffer description = describe(args->pCreateInfo);

		framebuffer->is_imageless = description.is_imageless;
		framebuffer->attachment_count = description.attachment_count;
		framebuffer->extent = description.extent;
		framebuffer->layer_count = description.layer_count;
	}
	return 0;
}

static bool is_inside(VkRect2D area, VkExtent2D extent)
{
	return area.offset.x >= 0 && area.offset.y >= 0 &&
	       sl_check_bytes((uint32_t)area.offset.x, area.extent.width, extent.width) &&
	       sl_check_bytes((uint32_t)area.offset.y, area.extent.height, extent.height);
}

/* The devices of a group may have areas of their own, instead of the one of all. A software driver
 * does not look at them. */
static bool has_area(const struct sl_check *check, const void *chain, VkRect2D area,
		     VkExtent2D extent)
{
	const VkDeviceGroupRenderPassBeginInfo *group =
		sl_check_chain_find(chain, VK_STRUCTURE_TYPE_DEVICE_GROUP_RENDER_PASS_BEGIN_INFO);
	uint32_t count = group != NULL ? group->deviceRenderAreaCount : 0;

	for (uint32_t i = 0; i < count; i++) {
		if (!is_inside(group->pDeviceRenderAreas[i], extent)) {
			return false;
		}
	}
	return (count > 0 && !check->is_software) || is_inside(area, extent);
}

static int check_begin(struct sl_check *check, struct sl_object *self,
		       const struct sl_object_list *named, const VkRenderPassBeginInfo *info)
{
	uint32_t cursor = 0;
	struct sl_check_commands *commands = self->check;
	const struct sl_check_pass *pass = find_pass(named, &cursor, info->renderPass);
	const struct sl_check_framebuffer *framebuffer = sl_check_find(
		named, &cursor, VK_OBJECT_TYPE_FRAMEBUFFER, (uint64_t)(uintptr_t)info->framebuffer);
	const VkRenderPassAttachmentBeginInfo *attachments = sl_check_chain_find(
		info->pNext, VK_STRUCTURE_TYPE_RENDER_PASS_ATTACHMENT_BEGIN_INFO);

	if (commands->pass_kind != SL_CHECK_NO_PASS) {
		return sl_check_fail(check, "inside of a render pass");
	}
	if (pass == NULL || framebuffer == NULL ||
	    pass->attachment_count != framebuffer->attachment_count) {
		return sl_check_fail(check, "a framebuffer with other attachments");
	}
	if (info->clearValueCount < pass->clear_count) {
		return sl_check_fail(check, "%u clear values of %u", info->clearValueCount,
				     pass->clear_count);
	}
	if (!has_area(check, info->pNext, info->renderArea, framebuffer->extent)) {
		return sl_check_fail(check, "the area lies beyond the framebuffer");
	}
	if (sl_check_sample_locations_of_pass(check, pass, info->pNext) < 0) {
		return -EBADMSG;
	}
	commands->pass_kind = SL_CHECK_RENDER_PASS;
	commands->pass = pass;
	commands->subpass = 0;
	commands->surface = (struct sl_check_surface){
		.extent = framebuffer->extent,
		.layer_count = framebuffer->layer_count,
		.color_count = pass->subpass_count > 0 ? pass->color_counts[0] : 0,
	};
	if (!framebuffer->is_imageless) {
		return attachments == NULL || attachments->attachmentCount == 0
			       ? 0
			       : sl_check_fail(check, "other attachments than the framebuffer's");
	}
	return attachments != NULL && attachments->attachmentCount == pass->attachment_count
		       ? check_attachments(check, named, &cursor, pass, framebuffer,
					   attachments->pAttachments)
		       : sl_check_fail(check, "no attachments for a framebuffer without images");
}

int sl_check_vkCmdBeginRenderPass(struct sl_check *check, struct sl_vkCmdBeginRenderPass *args)
{
	return check_begin(check, args->self, args->named, args->pRenderPassBegin);
}

int sl_check_vkCmdBeginRenderPass2(struct sl_check *check, struct sl_vkCmdBeginRenderPass2 *args)
{
	return check_begin(check, args->self, args->named, args->pRenderPassBegin);
}

int sl_check_next_subpass(struct sl_check *check, const void *self,
			  const struct sl_object_list *named)
{
	struct sl_check_commands *commands = sl_check_commands_of(self);

	(void)named;
	if (commands->pass_kind != SL_CHECK_RENDER_PASS ||
	    commands->subpass + 1 >= commands->pass->subpass_count) {
		return sl_check_fail(check, "there is no next subpass");
	}
	commands->subpass++;
	commands->surface.color_count = commands->pass->color_counts[commands->subpass];
	return 0;
}

int sl_check_end_pass(struct sl_check *check, const void *self, const struct sl_object_list *named)
{
	struct sl_check_commands *commands = sl_check_commands_of(self);

	(void)named;
	if (commands->pass_kind != SL_CHECK_RENDER_PASS ||
	    commands->subpass + 1 != commands->pass->subpass_count) {
		return sl_check_fail(check, "not in the last subpass of a render pass");
	}
	commands->pass_kind = SL_CHECK_NO_PASS;
	return 0;
}

/* Both lie within the device's limits. */
static VkExtent2D end_of(VkRect2D area)
{
	return (VkExtent2D){ (uint32_t)area.offset.x + area.extent.width,
			     (uint32_t)area.offset.y + area.extent.height };
}

static uint32_t layers_of(const VkRenderingInfo *info)
{
	return info->viewMask != 0 ? 32 - (uint32_t)__builtin_clz(info->viewMask)
				   : info->layerCount;
}

static int check_rendered(struct sl_check *check, const struct sl_object_list *named,
			  uint32_t *cursor, const VkRenderingInfo *info,
			  const VkRenderingAttachmentInfo *attachment, VkImageUsageFlags usage,
			  VkSampleCountFlags *seen)
{
	const VkImageView views[] = {
		attachment != NULL ? attachment->imageView : VK_NULL_HANDLE,
		attachment != NULL && attachment->resolveMode != VK_RESOLVE_MODE_NONE
			? attachment->resolveImageView
			: VK_NULL_HANDLE,
	};
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < 2 && views[0] != VK_NULL_HANDLE; i++) {
		const struct sl_check_view *view =
			views[i] != VK_NULL_HANDLE
				? sl_check_find(named, cursor, VK_OBJECT_TYPE_IMAGE_VIEW,
						(uint64_t)(uintptr_t)views[i])
				: NULL;

		if (view != NULL) {
			*seen |= i == 0 ? (VkSampleCountFlags)view->samples : 0;
			r = check_view(check, view, end_of(info->renderArea), layers_of(info),
				       usage);
		}
	}
	return r;
}

int sl_check_vkCmdBeginRendering(struct sl_check *check, struct sl_vkCmdBeginRendering *args)
{
	const VkRenderingInfo *info = args->pRenderingInfo;
	struct sl_check_commands *commands = sl_check_commands_of(args->self);
	uint32_t cursor = 0;
	const VkExtent2D largest = { check->limits.maxFramebufferWidth,
				     check->limits.maxFramebufferHeight };

	if (commands->pass_kind != SL_CHECK_NO_PASS) {
		return sl_check_fail(check, "inside of a render pass");
	}
	if (info->colorAttachmentCount > check->limits.maxColorAttachments ||
	    !has_area(check, info->pNext, info->renderArea, largest)) {
		return sl_check_fail(check, "%u attachments, or an area that is too large",
				     info->colorAttachmentCount);
	}
	if (layers_of(info) == 0) {
		return sl_check_fail(check, "no layers");
	}
	VkSampleCountFlags seen = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < info->colorAttachmentCount; i++) {
		r = check_rendered(check, args->named, &cursor, info, &info->pColorAttachments[i],
				   COLOR, &seen);
	}
	r = r == 0 ? check_rendered(check, args->named, &cursor, info, info->pDepthAttachment,
				    DEPTH, &seen)
		   : r;
	r = r == 0 ? check_rendered(check, args->named, &cursor, info, info->pStencilAttachment,
				    DEPTH, &seen)
		   : r;
	r = r == 0 ? sl_check_samples(check, seen, info->pNext) : r;
	commands->pass_kind = SL_CHECK_RENDERING;
	commands->surface = (struct sl_check_surface){
		.extent = end_of(info->renderArea),
		.layer_count = layers_of(info),
		.color_count = info->colorAttachmentCount,
	};
	return r;
}

int sl_check_end_rendering(struct sl_check *check, const void *self,
			   const struct sl_object_list *named)
{
	struct sl_check_commands *commands = sl_check_commands_of(self);

	(void)named;
	if (commands->pass_kind != SL_CHECK_RENDERING) {
		return sl_check_fail(check, "nothing is rendered");
	}
	commands->pass_kind = SL_CHECK_NO_PASS;
	return 0;
}
