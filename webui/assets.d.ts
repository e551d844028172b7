/** The address of a file that the build gives a name. */
declare module '*.mp4' {
  const address: string;
  // biome-ignore lint/style/noDefaultExport: this is how the build gives files
  export default address;
}
