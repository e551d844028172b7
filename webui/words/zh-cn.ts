import type { AllWords, SettingsPart } from './all-words.ts';
import { cameraView } from './zh-cn/camera-view.ts';
import { clips } from './zh-cn/clips.ts';
import { common } from './zh-cn/common.ts';
import { live } from './zh-cn/live.ts';
import { reasons } from './zh-cn/reasons.ts';
import { recordings } from './zh-cn/recordings.ts';
import { start } from './zh-cn/start.ts';
import { walls } from './zh-cn/walls.ts';

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
