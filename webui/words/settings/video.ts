import { video } from '../en/settings/video.ts';
import { wordsOf } from '../words.ts';

export const videoWords = wordsOf('video', video);
