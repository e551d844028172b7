let made = 0;

/** New instances of modules, and of all that they import of ours. @returns imports from the address that `import.meta.resolve` gives */
export function freshModules(): <T>(url: string) => Promise<T> {
  made += 1;
  const query = `?fresh=${made}`;
  return (url) => import(`${url}${query}`);
}
