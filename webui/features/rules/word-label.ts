import type { RulesWords } from './words/en.ts';

/** What a word of the sentence is about: `camera` of `1.camera`. */
export function wordLabel(word: string, t: RulesWords): string {
  const labels: Readonly<Record<string, string>> = {
    event: t.eventLabel,
    camera: t.cameraLabel,
    zone: t.zoneLabel,
    time: t.timeLabel,
    pause: t.pauseLabel,
    name: t.nameLabel,
    preset: t.presetLabel,
    output: t.outputLabel,
    seconds: t.secondsLabel,
    command: t.commandLabel,
    url: t.urlLabel,
  };
  return labels[word.replace(/^\d+\./, '')] ?? '';
}
