/* SPDX-License-Identifier: MIT */
/* A small framework for Vulkan test programs: what every one of them needs before and after the
 * calls that it is about. Programs made with it are ordinary Vulkan programs: they know nothing
 * of Sluice and run on any driver.
 *
 * Everything created through struct vkt is destroyed by vkt_close() in reverse order, so a test
 * reads straight through. Anything that fails ends the process with status 1 and a line that says
 * where; a device that lacks what a test needs ends it with status 77. One thread per struct vkt.
 */
#ifndef SL_TESTS_VKT_VKT_H
#define SL_TESTS_VKT_VKT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <vulkan/vulkan.h>

#define VKT_COUNT(array)       (sizeof(array) / sizeof((array)[0]))
#define VKT_OK(call)	       vkt_check_result((call), VK_SUCCESS, #call, __FILE__, __LINE__)
#define VKT_RESULT(want, call) vkt_check_result((call), (want), #call, __FILE__, __LINE__)
#define VKT_EXPECT(condition)  vkt_check((condition), #condition, __FILE__, __LINE__)
/* The function behind a command's name, from the device or the instance. */
#define VKT_DEVICE_PROC(t, name)   ((PFN_##name)vkt_device_proc((t), #name))
#define VKT_INSTANCE_PROC(t, name) ((PFN_##name)vkt_instance_proc((t), #name))

enum vkt_flags {
	VKT_PLAIN = 1,	  /* Vulkan 1.0 without features and extensions */
	VKT_MESSAGES = 2, /* VK_EXT_debug_utils, if the instance has it */
	VKT_WINDOWS = 4,  /* what surfaces and swapchains need, as far as it is there */
	VKT_OLDER = 8,	  /* Vulkan 1.2 will do */
};

struct vkt_undo;     /* one object to destroy */
struct vkt_sink;     /* where results go */
struct vkt_features; /* every feature struct that the framework knows */

struct vkt {
	VkInstance instance;
	VkPhysicalDevice physical;
	VkDevice device;
	VkQueue queue; /* graphics, compute and transfer */
	uint32_t family;
	VkCommandPool pool;
	VkPhysicalDeviceProperties properties;
	VkPhysicalDeviceMemoryProperties memory;
	const struct vkt_features *features; /* as enabled; all false with VKT_PLAIN */
	unsigned int flags;

	/* The framework's own. */
	struct vkt_undo *undo;
	size_t undo_count, undo_capacity;
	struct vkt_sink *sink;
	VkDebugUtilsMessengerEXT messenger;
	unsigned int message_count; /* errors and warnings of the validation layer */
	const char *extensions[64]; /* enabled on the device */
	uint32_t extension_count;
};

struct vkt_features {
	VkPhysicalDeviceFeatures2 core;
	VkPhysicalDeviceVulkan11Features v11;
	VkPhysicalDeviceVulkan12Features v12;
	VkPhysicalDeviceVulkan13Features v13;
	VkPhysicalDeviceTransformFeedbackFeaturesEXT transform_feedback;
	VkPhysicalDeviceExtendedDynamicStateFeaturesEXT dynamic_state;
	VkPhysicalDeviceExtendedDynamicState2FeaturesEXT dynamic_state2;
	VkPhysicalDeviceExtendedDynamicState3FeaturesEXT dynamic_state3;
	VkPhysicalDeviceVertexInputDynamicStateFeaturesEXT vertex_input;
	VkPhysicalDeviceCustomBorderColorFeaturesEXT border_color;
	VkPhysicalDeviceConditionalRenderingFeaturesEXT conditional_rendering;
	VkPhysicalDeviceMultiDrawFeaturesEXT multi_draw;
	VkPhysicalDeviceIndexTypeUint8FeaturesEXT index_uint8;
	VkPhysicalDeviceGraphicsPipelineLibraryFeaturesEXT pipeline_library;
	VkPhysicalDeviceLineRasterizationFeaturesEXT lines;
	VkPhysicalDeviceVertexAttributeDivisorFeaturesEXT divisor;
	VkPhysicalDeviceColorWriteEnableFeaturesEXT color_write;
	VkPhysicalDeviceProvokingVertexFeaturesEXT provoking_vertex;
	VkPhysicalDeviceDepthClipEnableFeaturesEXT depth_clip;
	VkPhysicalDevicePrimitivesGeneratedQueryFeaturesEXT primitives_generated;
	VkPhysicalDevicePrimitiveTopologyListRestartFeaturesEXT list_restart;
	VkPhysicalDeviceRobustness2FeaturesEXT robustness;
	VkPhysicalDevicePresentIdFeaturesKHR present_id; /* with VKT_WINDOWS, like the next */
	VkPhysicalDevicePresentWaitFeaturesKHR present_wait;
};

/* One test: a function and how its device is to be made. */
struct vkt_case {
	const char *name;
	void (*run)(struct vkt *t);
	unsigned int flags; /* enum vkt_flags */
};

struct vkt_options {
	unsigned int flags;
	bool validate;		 /* enable the Khronos validation layer, count what it says */
	const char *result_path; /* where vkt_put() writes; NULL: nowhere */
};

/* Make an instance and a device with every feature and extension the framework knows of and the
 * device has. */
void vkt_open(struct vkt *t, const struct vkt_options *options);
/* Destroy everything. Returns false if the validation layer complained. */
bool vkt_close(struct vkt *t);
/* Wait for the device and destroy what was created until now; vkt_close() does this first. */
void vkt_destroy_owned(struct vkt *t);
/* All that vkt_begin() and the like have made; nothing of it is pending. */
void vkt_free_commands(struct vkt *t);
/* Leave everything as it is, but have the results on disk. */
void vkt_flush(struct vkt *t);

VkResult vkt_check_result(VkResult result, VkResult want, const char *what, const char *file,
			  int line);
void vkt_check(bool condition, const char *what, const char *file, int line);
/* End with status 77 unless the device has it. */
void vkt_require(bool condition, const char *what);
void vkt_require_extension(const struct vkt *t, const char *name);
bool vkt_has_extension(const struct vkt *t, const char *name);
PFN_vkVoidFunction vkt_device_proc(const struct vkt *t, const char *name);
PFN_vkVoidFunction vkt_instance_proc(const struct vkt *t, const char *name);
/* Have vkt_close() destroy a non-dispatchable object. */
void vkt_own(struct vkt *t, VkObjectType type, uint64_t handle);
/* Take it back: the test destroys it by itself. */
void vkt_disown(struct vkt *t, uint64_t handle);
#define VKT_OWN(t, type, handle) vkt_own((t), VK_OBJECT_TYPE_##type, (uint64_t)(handle))

/* Results: what two drivers must agree on, bit for bit. */
void vkt_put(struct vkt *t, const char *label, const void *data, size_t size);
void vkt_put_u64(struct vkt *t, const char *label, uint64_t value);
void vkt_put_result(struct vkt *t, const char *label, VkResult result);
/* Open and close the sink by itself; both are used by vkt_open() and vkt_close(). */
struct vkt_sink *vkt_sink_create(const char *path);
void vkt_sink_destroy(struct vkt_sink *sink);
void vkt_sink_flush(struct vkt_sink *sink);

/* Memory, buffers and images. */
enum vkt_place {
	VKT_HOST,   /* host visible and coherent */
	VKT_DEVICE, /* device local, and not host visible where there is such a type */
};

struct vkt_buffer {
	VkBuffer handle;
	VkDeviceMemory memory;
	VkDeviceSize size;
	void *map; /* VKT_HOST: persistently mapped */
};

struct vkt_image_spec {
	VkFormat format;
	uint32_t width, height;
	uint32_t depth;		       /* 0: a 2D image; else 3D */
	uint32_t layers;	       /* 0: 1 */
	uint32_t levels;	       /* 0: 1 */
	VkSampleCountFlagBits samples; /* 0: 1 */
	VkImageUsageFlags usage;       /* transfer both ways is added */
	VkImageCreateFlags flags;
	bool array_view; /* an array view even for one layer */
};

struct vkt_image {
	VkImage handle;
	VkDeviceMemory memory;
	VkImageView view; /* the whole image; VK_NULL_HANDLE if its usage allows none */
	VkFormat format;
	VkExtent3D extent;
	uint32_t layers, levels;
	VkImageAspectFlags aspect;
};

/* Returns the first fitting type, or UINT32_MAX. */
uint32_t vkt_find_memory_type(const struct vkt *t, uint32_t type_bits, VkMemoryPropertyFlags want,
			      VkMemoryPropertyFlags avoid);
VkDeviceMemory vkt_allocate(struct vkt *t, const VkMemoryRequirements *requirements,
			    enum vkt_place place, const void *next);
struct vkt_buffer vkt_create_buffer(struct vkt *t, VkDeviceSize size, VkBufferUsageFlags usage,
				    enum vkt_place place);
VkDeviceAddress vkt_get_address(const struct vkt *t, const struct vkt_buffer *buffer);
struct vkt_image vkt_create_image(struct vkt *t, const struct vkt_image_spec *spec);
VkImageView vkt_create_view(struct vkt *t, const struct vkt_image *image, VkImageViewType type,
			    VkFormat format, VkImageSubresourceRange range);
VkImageSubresourceRange vkt_whole(const struct vkt_image *image);
VkImageAspectFlags vkt_format_aspect(VkFormat format);
/* Bytes of a texel as buffers hold it; of the depth part of a depth format. */
uint32_t vkt_format_size(VkFormat format);
VkSampler vkt_create_sampler(struct vkt *t, VkFilter filter, VkSamplerAddressMode address);
/* Fill with a pattern that depends on the seed only. */
void vkt_fill_pattern(void *data, size_t size, uint32_t seed);

/* Commands. */
VkCommandBuffer vkt_begin(struct vkt *t);
/* End, submit, wait. The command buffer stays valid and may be submitted again. */
void vkt_end_and_run(struct vkt *t, VkCommandBuffer cmd);
void vkt_run(struct vkt *t, VkCommandBuffer cmd);
VkCommandBuffer vkt_allocate_command_buffer(struct vkt *t, VkCommandBufferLevel level);
VkFence vkt_create_fence(struct vkt *t, VkFenceCreateFlags flags);
VkSemaphore vkt_create_semaphore(struct vkt *t);
VkSemaphore vkt_create_timeline(struct vkt *t, uint64_t value);
/* Everything before it happens before everything after it, the host's reads included. */
void vkt_barrier(VkCommandBuffer cmd);
void vkt_transition(VkCommandBuffer cmd, const struct vkt_image *image, VkImageLayout old_layout,
		    VkImageLayout new_layout);
/* Fill level 0.. of every layer with a pattern; ends in layout. The helper records, submits and
 * waits by itself. */
void vkt_upload_pattern(struct vkt *t, const struct vkt_image *image, VkImageLayout layout,
			uint32_t seed);
void vkt_upload(struct vkt *t, const struct vkt_image *image, VkImageLayout layout,
		const void *data, size_t size);
/* Write every texel of every level and layer to the results. layout: what it is in, and stays. */
void vkt_put_image(struct vkt *t, const char *label, const struct vkt_image *image,
		   VkImageLayout layout);
void vkt_put_buffer(struct vkt *t, const char *label, const struct vkt_buffer *buffer);

/* Shaders, descriptors and pipelines. */
struct vkt_code {
	const uint32_t *words;
	size_t size;
};
#define VKT_CODE(name) ((struct vkt_code){ (name), sizeof(name) })

VkShaderModule vkt_create_shader(struct vkt *t, struct vkt_code code);
/* All stages see the set and the push constants. */
VkPipelineLayout vkt_create_layout(struct vkt *t, VkDescriptorSetLayout set_layout,
				   uint32_t push_size);
/* types[i] is binding i, one descriptor each, visible to all stages. */
VkDescriptorSetLayout vkt_create_set_layout(struct vkt *t, const VkDescriptorType *types,
					    uint32_t count, VkDescriptorSetLayoutCreateFlags flags);
/* From a pool of its own with just enough room. */
VkDescriptorSet vkt_create_set(struct vkt *t, VkDescriptorSetLayout layout,
			       const VkDescriptorType *types, uint32_t count);
void vkt_set_buffer(struct vkt *t, VkDescriptorSet set, uint32_t binding, VkDescriptorType type,
		    const struct vkt_buffer *buffer);
void vkt_set_image(struct vkt *t, VkDescriptorSet set, uint32_t binding, VkDescriptorType type,
		   VkImageView view, VkImageLayout layout, VkSampler sampler);
VkPipeline vkt_create_compute(struct vkt *t, VkPipelineLayout layout, struct vkt_code code,
			      const VkSpecializationInfo *constants);

/* A compute shader whose set 0 is up to 8 storage buffers, all in one. */
struct vkt_kernel {
	VkDescriptorSetLayout set_layout;
	VkPipelineLayout layout;
	VkPipeline pipeline;
	VkDescriptorSet set;
};
struct vkt_kernel vkt_create_kernel(struct vkt *t, struct vkt_code code,
				    const struct vkt_buffer *const *buffers, uint32_t count,
				    uint32_t push_size, const VkSpecializationInfo *constants);
void vkt_bind_kernel(VkCommandBuffer cmd, const struct vkt_kernel *kernel);

struct vkt_pipeline_spec {
	struct vkt_code vert, tesc, tese, geom, frag; /* unset: no such stage */
	VkPipelineLayout layout;
	VkRenderPass render_pass; /* or, with dynamic rendering: */
	uint32_t subpass;
	const VkPipelineRenderingCreateInfo *rendering;
	VkPrimitiveTopology topology; /* the zero value is a point list */
	uint32_t patch_points;
	bool primitive_restart;
	const VkPipelineVertexInputStateCreateInfo *vertex_input; /* NULL: none */
	VkPolygonMode polygon;
	VkCullModeFlags cull;
	VkSampleCountFlagBits samples;			    /* 0: 1 */
	const VkPipelineDepthStencilStateCreateInfo *depth; /* NULL: no tests */
	uint32_t color_count;
	const VkPipelineColorBlendAttachmentState *blend; /* NULL: colours replace */
	float blend_constants[4];
	VkExtent2D extent; /* viewport and scissor */
	const VkDynamicState *dynamic;
	uint32_t dynamic_count;
	const VkSpecializationInfo *frag_constants;
	const void *rasterization_next;
	bool discard; /* no rasterization */
};
VkPipeline vkt_create_graphics(struct vkt *t, const struct vkt_pipeline_spec *spec);

/* A render pass with one subpass, its images and its framebuffer. Attachments are cleared at the
 * start; colours end as TRANSFER_SRC_OPTIMAL, depth as DEPTH_STENCIL_ATTACHMENT_OPTIMAL. */
struct vkt_target_spec {
	uint32_t width, height;
	VkFormat colors[4];	       /* up to the first UNDEFINED */
	VkFormat depth;		       /* UNDEFINED: none */
	VkSampleCountFlagBits samples; /* 0: 1; else colours are resolved */
	uint32_t layers;	       /* 0: 1 */
	uint32_t view_mask;	       /* multiview */
};
struct vkt_target {
	VkRenderPass render_pass;
	VkFramebuffer framebuffer;
	VkExtent2D extent;
	uint32_t color_count;
	struct vkt_image colors[4]; /* single-sampled: what the pass leaves */
	struct vkt_image multisampled[4];
	struct vkt_image depth;
};
struct vkt_target vkt_create_target(struct vkt *t, const struct vkt_target_spec *spec);
VkRenderPass vkt_create_render_pass(struct vkt *t, const struct vkt_target_spec *spec);
void vkt_begin_target(VkCommandBuffer cmd, const struct vkt_target *target,
		      VkSubpassContents contents);
void vkt_put_target(struct vkt *t, const char *label, const struct vkt_target *target);
/* A 64×64 RGBA8 target, the most usual. */
struct vkt_target vkt_create_plain_target(struct vkt *t);

uint64_t vkt_now_ns(void);

#endif
