import { ask } from './request.ts';

export interface SystemFacts {
  readonly version: string;
  /** RFC 3339. */
  readonly started: string;
  /** 0 to 100, all processors together. */
  readonly cpuPercent: number;
  readonly memoryUsedBytes: number;
  readonly memoryTotalBytes: number;
  readonly disks: readonly { readonly folder: string; readonly totalBytes: number; readonly freeBytes: number }[];
}

export const systemFacts = (signal: AbortSignal): Promise<SystemFacts> => ask('v3/system', { signal });
