import { video } from './en/video.ts';
import { wordsOf } from './words.ts';

export const videoWords = wordsOf('video', video);
