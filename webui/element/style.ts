/** A sheet of its own, made by script: a page's security policy may forbid inline style. */
export function elementStyle(): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  return sheet;
}

const STYLE = `
:host { display: inline-block; position: relative; width: 640px; max-width: 100%; aspect-ratio: 16 / 9; background: #000; color: #fff; overflow: hidden; font: 14px/1.4 system-ui, sans-serif; }
:host([hidden]) { display: none; }
.stage, .stage > * { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain; }
.stage > canvas { pointer-events: none; transition: opacity 240ms; }
.stage.playing > canvas { opacity: 0; }
.sound-mark { opacity: 0; pointer-events: none; fill: none; stroke: #fff; stroke-width: 1.6; stroke-linecap: round; }
.stage.sound-alone > .sound-mark { opacity: .55; }
p { position: absolute; inset: auto 0 0; margin: 0; padding: 10px 14px; background: #000b; pointer-events: none; }
p:empty, small:empty, [hidden] { display: none; }
small { position: absolute; top: 8px; right: 8px; padding: 2px 7px; border-radius: 9px; background: #0009; font-size: 11px; pointer-events: none; }
button { position: absolute; inset: 0; margin: auto; width: 72px; height: 72px; border: 0; border-radius: 50%; background: #000a; color: #fff; font-size: 28px; cursor: pointer; }
button:focus-visible { outline: 3px solid #fff; }
`;
