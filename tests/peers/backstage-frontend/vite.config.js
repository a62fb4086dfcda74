import { defineConfig } from 'vite';

export default defineConfig({
  esbuild: { jsx: 'automatic' },
  // What Backstage's packages expect of a bundler.
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  build: {
    outDir: 'dist',
    // As Backstage's own build has it.
    assetsDir: 'static',
    minify: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: Infinity,
    rollupOptions: {
      // Three applications, one build: they share nearly everything.
      input: ['old.html', 'new.html', 'handwritten.html'],
      // "use client" means nothing here, and is all over the packages.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
});
