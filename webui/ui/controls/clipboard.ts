/** Copies a text. Without a secure context it selects the text in a hidden area and runs `execCommand('copy')`. */
export async function copyToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  // Inside the sheet, because elements outside of a modal dialog cannot be selected.
  const parent = document.querySelector('dialog[open]') ?? document.body;
  const before = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  parent.append(area);
  area.select();
  const isDone = document.execCommand('copy');
  area.remove();
  if (before instanceof HTMLElement) {
    before.focus();
  }
  return isDone;
}
