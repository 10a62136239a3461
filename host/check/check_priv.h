/* SPDX-License-Identifier: MIT */
/* What the files of host/check share: what is kept of each object of a device. */
#ifndef SL_HOST_CHECK_CHECK_PRIV_H
#define SL_HOST_CHECK_CHECK_PRIV_H

#include "host/check/check.h"
#include "protocol/sl_args.h"
#include "protocol/sl_checked_ops.h"

#include <sys/queue.h>

/* How long something is waited for that has completed already if the guest is well-behaved. */
#define SL_CHECK_WAIT_NS 2000000000ull

/* What is kept of an object; begins the struct of its type.
 *
 * A node outlives its object while anything refers to it (refs). The driver's object lives until
 * the guest destroys it, nothing that was made of it or describes it is left (uses), and no
 * submission that may use it is pending. */
struct sl_check_node {
	VkObjectType type;
	bool is_dead;	/* destroyed by the guest */
	bool is_gone;	/* destroyed by the driver too */
	bool is_zombie; /* dead and unused, but not gone yet */
	bool is_in_pool;
	bool was_described; /* has been in a descriptor: nobody says what uses that */
	uint64_t handle;
	uint32_t refs;
	uint32_t uses;
	uint64_t mark;		/* sl_check.mark: named by a pending submission */
	uint64_t last_sequence; /* dead: may be used by submissions up to this one */
	uint32_t need_count;
	struct sl_check_node **needs;		/* uses of them */
	void *extra;				/* of its type; freed with it */
	LIST_ENTRY(sl_check_node) link;		/* sl_check.nodes */
	LIST_ENTRY(sl_check_node) pool_link;	/* children of its pool */
	LIST_HEAD(, sl_check_node) children;	/* of a pool */
	TAILQ_ENTRY(sl_check_node) zombie_link; /* sl_check.zombies */
};

struct sl_check_memory {
	struct sl_check_node node;
	VkDeviceSize size;
};

struct sl_check_buffer {
	struct sl_check_node node;
	VkDeviceSize size;
};

struct sl_check_image {
	struct sl_check_node node;
	const struct sl_format *format; /* NULL: not known */
	VkImageCreateFlags flags;
	VkImageType type;
	VkExtent3D extent;
	uint32_t level_count;
	uint32_t layer_count;
	VkSampleCountFlagBits samples;
	VkImageUsageFlags usage;	 /* of any aspect */
	VkImageAspectFlags bound_planes; /* of a disjoint image: those that have memory */
};

struct sl_check_view {
	struct sl_check_node node;
	VkFormat format;
	VkSampleCountFlagBits samples;
	VkImageUsageFlags usage;
	VkExtent2D extent;    /* of its first level */
	uint32_t layer_count; /* or slices */
};

struct sl_check_query_pool {
	struct sl_check_node node;
	VkQueryType type;
	uint32_t count;
	uint32_t value_count; /* of each query */
};

/* An attachment of a render pass. */
struct sl_check_attachment {
	VkFormat format;
	VkSampleCountFlagBits samples;
	bool is_rendered; /* some subpass reads or writes it at the size of the framebuffer */
	VkImageUsageFlags usage; /* what subpasses write it as */
};

/* sl_check_node.extra of a render pass. */
struct sl_check_pass {
	uint32_t attachment_count;
	uint32_t subpass_count;
	uint32_t clear_count;	      /* clear values up to the last attachment that is cleared */
	uint32_t view_count;	      /* multiview: views up to the last; 0: none */
	const uint32_t *color_counts; /* of each subpass; behind the attachments */
	struct sl_check_attachment attachments[];
};

struct sl_check_framebuffer {
	struct sl_check_node node;
	bool is_imageless;
	uint32_t attachment_count;
	VkExtent2D extent;
	uint32_t layer_count;
};

/* A binding of a descriptor set layout. */
struct sl_check_binding {
	uint32_t number;
	uint32_t first; /* slot: descriptors of the set, or bytes of inline uniform blocks */
	uint32_t count;
	uint32_t first_dynamic; /* of the set's dynamic buffers */
	VkDescriptorType type;
	VkShaderStageFlags stages;
	VkDescriptorBindingFlags flags;
	bool has_samplers; /* immutable ones */
};

/* sl_check_node.extra of a layout. */
struct sl_check_layout {
	uint32_t slot_count;
	uint32_t dynamic_count; /* dynamic buffers */
	bool is_push;
	uint32_t binding_count;
	struct sl_check_binding bindings[]; /* by number */
};

/* sl_check_node.extra of a pipeline layout. */
struct sl_check_pipeline_layout {
	uint32_t set_count;
	bool has_blocks;		      /* inline uniform blocks */
	const struct sl_check_layout *sets[]; /* of nodes that are needed; NULL: any */
};

struct sl_check_set {
	struct sl_check_node node;
	const struct sl_check_layout *layout; /* of a node that is needed */
	uint32_t variable_count;	      /* descriptors of the last binding, if variable */
	/* What each descriptor names, with a use of each: view and sampler, or buffer. NULL: none,
	 * since descriptors are addresses. */
	struct sl_check_node *(*slots)[2];
	uint32_t slot_count;
	uint64_t *dynamic_ends; /* the highest offset of each dynamic buffer */
	uint64_t blocks; /* bindings, by their place, whose inline uniform block was written */
};

struct sl_check_pass;

struct sl_check_pipeline {
	struct sl_check_node node;
	VkPipelineBindPoint point;
	bool is_library;
	uint32_t depth;	      /* libraries within libraries that it was linked from */
	uint32_t group_count; /* of ray tracing, its libraries' included */
	const struct sl_check_pipeline_layout *layout; /* of a node that is needed, or NULL */
	/* Of graphics, what its libraries brought along included. */
	VkGraphicsPipelineLibraryFlagsEXT parts;
	bool has_topology; /* of its own, not dynamic */
	bool has_patches;  /* as its topology */
	bool tessellates;
	bool has_points; /* of patches, not dynamic */
};

/* What a command buffer is in the middle of while it records. */
enum sl_check_pass_kind {
	SL_CHECK_NO_PASS,
	SL_CHECK_RENDER_PASS,
	SL_CHECK_RENDERING,
	SL_CHECK_CONTINUED, /* a secondary one of either */
};

/* The part of attachments that commands can reach. */
struct sl_check_surface {
	VkExtent2D extent;
	uint32_t layer_count;
	uint32_t color_count;
};

/* More sets than software drivers have. */
#define SL_CHECK_MAX_BOUND 8

/* What is bound for graphics, or for compute. */
struct sl_check_bound {
	const struct sl_check_pipeline_layout *layout; /* of the pipeline, or NULL */
	const struct sl_check_set *sets[SL_CHECK_MAX_BOUND];
};

/* Queries that are active at a time: of each type one, or one for each stream. */
#define SL_CHECK_MAX_ACTIVE 16

struct sl_check_active {
	const struct sl_check_query_pool *pool;
	uint32_t query;
};

/* Queries of a pool that a recording names, and those in between. */
struct sl_check_query_range {
	const struct sl_check_query_pool *pool;
	uint32_t first;
	uint32_t end;
};

struct sl_check_commands {
	struct sl_check_node node;
	/* While it records. */
	bool has_graphics; /* pipeline bound */
	bool has_compute;
	bool has_indices;
	bool has_patches;		/* what is drawn, perhaps */
	bool tessellates;		/* the pipeline, perhaps */
	bool has_points;		/* somebody has said how many a patch has */
	struct sl_check_bound bound[2]; /* graphics, compute: followed for software drivers */
	VkShaderStageFlags pushed;	/* stages that constants were pushed for */
	bool has_condition;		/* conditional rendering goes on */
	bool has_feedback;		/* transform feedback goes on */
	uint32_t feedback_buffers;	/* a bit for each that is bound */
	uint32_t active_query_count;	/* followed for software drivers */
	struct sl_check_active active_queries[SL_CHECK_MAX_ACTIVE];
	enum sl_check_pass_kind pass_kind;
	const struct sl_check_pass *pass; /* of SL_CHECK_RENDER_PASS */
	uint32_t subpass;
	struct sl_check_surface surface; /* what is rendered to */
	struct sl_check_surface cleared; /* SL_CHECK_CONTINUED: what of it must be there */
	bool is_primary;
	bool is_simultaneous;
	bool is_executable;
	uint32_t pending_count; /* submissions */
	uint64_t valid_epoch;	/* sl_check.epoch when all it names was alive */
	uint64_t batch;		/* sequence of the submission that names it, or named it last */
	uint32_t secondary_count;
	struct sl_check_query_range *query_ranges; /* one of each pool; of software drivers */
	uint32_t query_range_count;
	struct sl_check_node **named; /* each once; node.extra */
	uint32_t named_count;
	uint32_t named_capacity;
};

/* A submission that has not completed. */
struct sl_check_pending {
	TAILQ_ENTRY(sl_check_pending) link;
	uint64_t number;   /* of the queue */
	uint64_t sequence; /* of the device */
	uint32_t node_count;
	struct sl_check_node *nodes[]; /* command buffers, semaphores, what memory is bound to */
};

struct sl_check_queue {
	void *data;						     /* host's */
	LIST_ENTRY(sl_check_queue) link;			     /* sl_check.queues */
	TAILQ_HEAD(sl_check_pending_list, sl_check_pending) pending; /* oldest first */
	/* The last that has completed, or NULL; its nodes are its semaphores, with a use of each.
	 */
	struct sl_check_pending *ended;
};

struct sl_check {
	struct sl_check_host host;
	VkPhysicalDeviceLimits limits;
	struct sl_check_more_limits more;
	bool is_software;
	bool is_mesa_22;
	char why[192];
	uint64_t sequence; /* of the last submission */
	uint64_t epoch;	   /* counts destroyed objects */
	uint64_t changes;  /* counts changes of what is pending */
	uint64_t marked;   /* changes when the last round of marking was made */
	uint64_t mark;	   /* counts these rounds */
	LIST_HEAD(, sl_check_node) nodes;
	LIST_HEAD(, sl_check_queue) queues;
	TAILQ_HEAD(, sl_check_node) zombies; /* dead, unused, perhaps pending: oldest first */
};

/* "buffer"; for messages. */
const char *sl_check_name(VkObjectType type);

/* The extent of a level, or of a plane of it (aspect), in texels. level < image->level_count. */
VkExtent3D sl_check_level_extent(const struct sl_check_image *image, uint32_t level,
				 VkImageAspectFlags aspect);
/* Are the blocks of these aspects of two images, of known formats, as large as one another? Depths
 * and stencils a software driver keeps in blocks of its own. */
bool sl_check_copies_to(const struct sl_check *check, const struct sl_check_image *image,
			VkImageAspectFlags aspect, const struct sl_check_image *to,
			VkImageAspectFlags to_aspect);
/* Levels, layers and aspects that the image has. Return 0 or -EBADMSG. */
int sl_check_layers(struct sl_check *check, const struct sl_check_image *image,
		    const VkImageSubresourceLayers *layers);
int sl_check_subresources(struct sl_check *check, const struct sl_check_image *image,
			  const VkImageSubresourceRange *range);
/* The same without aspects: barriers may name more of them. */
int sl_check_levels(struct sl_check *check, const struct sl_check_image *image,
		    const VkImageSubresourceRange *range);

/* Is a block of this format one texel? */
bool sl_check_is_texel(const struct sl_format *format);

/* What several pipelines of one message need each. Returns 0 or -ENOMEM. */
int sl_check_note_pipeline(struct sl_object *object, const struct sl_object_list *named,
			   VkPipelineBindPoint point, VkPipelineCreateFlags flags,
			   VkPipelineLayout layout, VkRenderPass pass);

/* States of a pipeline of graphics that drivers cope with. Returns 0 or -EBADMSG. */
int sl_check_states(struct sl_check *check, const VkGraphicsPipelineCreateInfo *info);

/* The binding of a number, or NULL. */
const struct sl_check_binding *sl_check_find_binding(const struct sl_check_layout *layout,
						     uint32_t number);

/* Shaders of a pipeline: constants that are there, an entry point of that name and stage, and
 * descriptors that the layout (VK_NULL_HANDLE: has none) has too. stages may be NULL. Returns 0,
 * -EBADMSG or -ENOMEM. */
int sl_check_stages(struct sl_check *check, const struct sl_object_list *named,
		    const VkPipelineShaderStageCreateInfo *stages, uint32_t count,
		    VkPipelineLayout layout);

/* Sample locations within the device's limits: info may be NULL; those of a chain; those of all
 * attachments and subpasses with which a pass begins. Return 0 or -EBADMSG. */
int sl_check_sample_locations(struct sl_check *check, const VkSampleLocationsInfoEXT *info);
int sl_check_sample_locations_in(struct sl_check *check, const void *chain);
int sl_check_sample_locations_of_pass(struct sl_check *check, const struct sl_check_pass *pass,
				      const void *chain);

/* Have the arrays of lavapipe of Mesa 22 room for what a set, or all of a pipeline layout's sets
 * (NULL: none), have in each stage? Return 0 or -EBADMSG. */
int sl_check_set_room(struct sl_check *check, const VkDescriptorSetLayoutCreateInfo *info);
int sl_check_stage_room(struct sl_check *check, const struct sl_check_layout *const *sets,
			uint32_t set_count);

/* Ranges of buffers that are bound. sizes NULL: what is left. An offset may be a buffer's end, so
 * that nothing is left. Returns 0 or -EBADMSG. */
int sl_check_bound(struct sl_check *check, const struct sl_object_list *named, uint32_t count,
		   const VkBuffer *buffers, const VkDeviceSize *offsets, const VkDeviceSize *sizes);

/* May attachments that have these samples be rendered to together? chain: of the subpass or the
 * rendering. Returns 0 or -EBADMSG. */
int sl_check_samples(struct sl_check *check, VkSampleCountFlags seen, const void *chain);

/* The first struct of a chain with this sType, or NULL. */
const void *sl_check_chain_find(const void *chain, VkStructureType type);

/* Returns -EBADMSG. */
int sl_check_fail(struct sl_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline struct sl_check_node *sl_check_node_of(const void *object)
{
	return ((const struct sl_object *)object)->check;
}

/* Of a VkCommandBuffer. */
static inline struct sl_check_commands *sl_check_commands_of(const void *object)
{
	return (struct sl_check_commands *)sl_check_node_of(object);
}

/* An object that the command names; the search begins where the last one of the same cursor ended.
 * NULL: there is no such thing. */
struct sl_object *sl_check_find_object(const struct sl_object_list *named, uint32_t *cursor,
				       VkObjectType type, uint64_t handle);
/* What is kept of it. NULL: there is no such thing, or nothing is kept. */
void *sl_check_find(const struct sl_object_list *named, uint32_t *cursor, VkObjectType type,
		    uint64_t handle);

/* A query pool that the command names, or NULL. */
struct sl_check_query_pool *sl_check_find_pool(const struct sl_object_list *named,
					       VkQueryPool handle);

/* node->uses of need end with node. Returns 0 or -ENOMEM. */
int sl_check_add_need(struct sl_check_node *node, struct sl_check_node *need);
void sl_check_use(struct sl_check_node *node);
/* Accepts NULL. */
void sl_check_unuse(struct sl_check *check, struct sl_check_node *node);
void sl_check_ref(struct sl_check_node *node);
void sl_check_unref(struct sl_check_node *node);

/* The guest has destroyed it. */
void sl_check_end(struct sl_check *check, struct sl_check_node *node);
/* Dead for some time, and not pending any more. */
void sl_check_bury(struct sl_check *check, struct sl_check_node *node);
/* Something that its pool owns, or all of it, is freed with the command that is checked, once no
 * submission uses it. Returns 0 or -EBADMSG. */
int sl_check_drop(struct sl_check *check, struct sl_object *object);
int sl_check_empty_pool(struct sl_check *check, struct sl_check_node *pool);

/* Forget submissions that have completed, and destroy what waited for that. */
void sl_check_retire(struct sl_check *check);
/* All have completed, and no queue of the driver is at work. */
void sl_check_forget_pending(struct sl_check *check);
/* May a pending submission use it? */
bool sl_check_is_busy(struct sl_check *check, struct sl_check_node *node);
/* Wait until no submission uses it. A guest that knows this already waits for nothing here, or for
 * a moment: it may have learned of the completion in another way than through the submission.
 * Returns 0 or -EBADMSG. */
int sl_check_settle(struct sl_check *check, struct sl_check_node *node);

/* The same of count queries, with a software driver: it frees what it resets. */
int sl_check_settle_queries(struct sl_check *check, struct sl_check_query_pool *pool,
			    uint32_t first, uint32_t count);

/* Forget what a command buffer's recording named. */
void sl_check_commands_reset(struct sl_check *check, struct sl_check_commands *commands);
/* The writes of vkCmdPushDescriptorSetKHR(). Returns 0 or -EBADMSG. */
int sl_check_pushed(struct sl_check *check, const struct sl_object_list *named,
		    const struct sl_check_layout *layout, const VkWriteDescriptorSet *writes,
		    uint32_t count);
/* Forget what a descriptor set's descriptors name. */
void sl_check_set_reset(struct sl_check *check, struct sl_check_set *set);

#endif
