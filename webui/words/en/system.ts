import { counter } from '../plural.ts';

const many = counter('en');

/** Settings: how the box does, its log, its file. */
export const system = {
  system: 'System',
  runsWell: 'Running well',
  worksHard: 'Working hard',
  lookAtThis: 'One thing to look at',
  runningFor: (time: string) => `For ${time} without a break.`,
  processor: 'Processor',
  memory: 'Memory',
  temperature: 'Temperature',
  network: 'Network',
  clock: 'Clock',
  version: 'Version',
  ofTotal: (used: string, total: string) => `${used} of ${total}`,

  weakPower: (when: string) => `Power dipped ${when}.`,
  weakPowerText: 'The supply is too weak for the disk. Use one with 5 V and 3 A.',
  tooHot: (degrees: string) => `The box is hot (${degrees} °C) and works slower.`,
  tooHotText: 'Give it air.',
  clockUnsure: 'The box does not know the time yet.',
  clockUnsureText: 'Recordings get their right time as soon as it does.',
  powerCut: (from: string, to: string) => `The box was without power from ${from} to ${to}.`,
  powerCutText: (seconds: number) => `The last ${many(seconds, { other: '#' })} s before it may be missing.`,

  updateReady: (version: string) => `Perch ${version} is ready.`,
  updatePause: (seconds: number) => `Recording pauses for about ${many(seconds, { other: '#' })} s.`,
  update: 'Update',
  updateDone: (version: string) => `Now on Perch ${version}.`,
  updateFailed: 'The update did not work. The old version is running, nothing is lost.',

  log: 'Log',
  backup: 'Backup and restore',
  file: 'Configuration file',
  forExperts: 'For experts',
  restart: 'Restart',
};

export type SystemWords = typeof system;
