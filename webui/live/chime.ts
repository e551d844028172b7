/** Two notes, twice. In Hz and seconds. */
const NOTES = [
  [659, 0],
  [523, 0.45],
  [659, 2.2],
  [523, 2.65],
] as const;
const NOTE_S = 1.4;
const LOUDNESS = 0.35;

/** Plays a doorbell. Browsers keep it silent before the first tap or key on the page. @returns stops it */
export function chime(): () => void {
  const context = new AudioContext();
  for (const [hertz, atS] of NOTES) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const fromS = context.currentTime + atS;
    tone.type = 'sine';
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, fromS);
    volume.gain.linearRampToValueAtTime(LOUDNESS, fromS + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, fromS + NOTE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(fromS);
    tone.stop(fromS + NOTE_S);
  }
  return () => void context.close();
}
