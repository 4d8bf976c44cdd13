declare module "virtual:blake3-kernel" {
  /** The WebAssembly module in base64. */
  const kernel: string;
  export default kernel;
}
