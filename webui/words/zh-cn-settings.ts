import type { AllWords, SettingsPart } from './all-words.ts';
import { archive } from './zh-cn/archive.ts';
import { cameras } from './zh-cn/cameras.ts';
import { forwards } from './zh-cn/forwards.ts';
import { layouts } from './zh-cn/layouts.ts';
import { library } from './zh-cn/library.ts';
import { masks } from './zh-cn/masks.ts';
import { modes } from './zh-cn/modes.ts';
import { mqtt } from './zh-cn/mqtt.ts';
import { notify } from './zh-cn/notify.ts';
import { people } from './zh-cn/people.ts';
import { secure } from './zh-cn/secure.ts';
import { sources } from './zh-cn/sources.ts';
import { storage } from './zh-cn/storage.ts';
import { system } from './zh-cn/system.ts';
import { video } from './zh-cn/video.ts';
import { you } from './zh-cn/you.ts';

/** Loaded with the settings. */
export const zhCnSettings: Pick<AllWords, SettingsPart> = {
  ...{
    cameras,
    storage,
    archive,
    system,
    secure,
    modes,
    people,
    notify,
    library,
    you,
    layouts,
    video,
    forwards,
    masks,
    sources,
    mqtt,
  },
};
