export function saveFile(file: File): void {
  const address = URL.createObjectURL(file);
  saveAs(address, file.name);
  // The browser has started to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export function saveAs(address: string, name: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
}
