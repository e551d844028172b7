import type { AllWords, SettingsPart } from './all-words.ts';
import { cameraView } from './zh-cn/camera-view.ts';
import { clips } from './zh-cn/clips.ts';
import { common, reasons } from './zh-cn/common.ts';
import { live, walls } from './zh-cn/live.ts';
import { recordings } from './zh-cn/recordings.ts';
import { start } from './zh-cn/start.ts';

/** One file, because separate requests would cost more. */
export const zhCn: Omit<AllWords, SettingsPart> = {
  common,
  live,
  walls,
  cameraView,
  reasons,
  recordings,
  clips,
  start,
};
