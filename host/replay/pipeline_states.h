/* SPDX-License-Identifier: MIT */
/* States of pipelines that lavapipe of Mesa 22 reads although they may be absent. */
#ifndef SL_HOST_REPLAY_PIPELINE_STATES_H
#define SL_HOST_REPLAY_PIPELINE_STATES_H

#include <vulkan/vulkan_core.h>

/* Add to info, and to its chain, which must be the caller's own, what the driver looks for. What is
 * added is static. Nothing changes of what the pipeline is, where Vulkan says what that is. */
void sl_pipeline_states_complete(VkGraphicsPipelineCreateInfo *info);

#endif
