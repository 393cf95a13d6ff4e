// What is asked of an adapter.

/** Limits that more is made of where an adapter has more. */
const askedLimits = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

/** What is asked of an adapter: all that it has, or what every one has that WebGPU allows. */
export type WebGpuLimits = 'all' | 'smallest';

const askedFeatures: readonly GPUFeatureName[] = ['shader-f16', 'subgroups'];

export const requestedDevice = (adapter: GPUAdapter, limits: WebGpuLimits): Promise<GPUDevice> =>
  adapter.requestDevice({
    requiredFeatures: askedFeatures.filter((feature) => adapter.features.has(feature)),
    requiredLimits:
      limits === 'all' ? Object.fromEntries(askedLimits.map((name) => [name, adapter.limits[name]])) : {},
  });
