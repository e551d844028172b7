import { walls } from './en/walls.ts';
import { wordsOf } from './words.ts';

export const wallWords = wordsOf('walls', walls);
