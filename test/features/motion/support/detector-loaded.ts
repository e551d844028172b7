import { setImmediate } from 'node:timers/promises';

/** `StreamMotion` loads its detector with the first stream: waits until it has it. */
export async function detectorLoaded(): Promise<void> {
  await import('../../../../agent/features/motion/detection/track-motion.ts');
  await setImmediate();
}
