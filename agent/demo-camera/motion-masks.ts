/** Where the demo camera's picture changes without anything that moves: date and time, and the time bar. In the form of `motionMasks`. */
export const DEMO_MASKS: readonly string[] = ['0.25,0.24 0.77,0.24 0.77,0.47 0.25,0.47', '0,0.88 1,0.88 1,1 0,1'];
