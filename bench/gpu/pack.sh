#!/usr/bin/env bash
# Packs bench/gpu for a machine that has a GPU's driver and nothing else: Node, Dawn, onnxruntime's program for WebGPU, a Vulkan
# loader and the bundled program in one archive of some 50 MB, tried before it is called packed. In the project's root,
# dependencies installed (Linux):
#   bench/gpu/pack.sh OUT     then, there: bash OUT/run.sh --layers 30 --width 576 --vocabulary 49152 [--device N]
set -euo pipefail
[ $# = 1 ] || { echo "Usage: bench/gpu/pack.sh OUT"; exit 2; }
mkdir -p "$1"; out=$(cd "$1" && pwd); kit=$(mktemp -d); trap 'rm -rf "$kit"' EXIT
dawn=$(node -e "import('./scripts/dawn.mjs').then((m) => process.stdout.write(m.ensureDawn() ?? ''))" | tail -n 1)
[ -f "$dawn" ] || { echo "No registry has the npm package webgpu, which is what is to be packed."; exit 1; }

mkdir -p "$kit/node_modules/onnxruntime-web/dist" "$kit/lib"
npx --no-install esbuild bench/gpu/run.ts --bundle --platform=node --format=esm --outfile="$kit/main.mjs" --log-level=error \
  --external:onnxruntime-web --external:onnxruntime-web/* --external:onnxruntime-common --external:onnxruntime-node \
  --external:webgpu
cp node_modules/onnxruntime-web/package.json "$kit/node_modules/onnxruntime-web/"
cp node_modules/onnxruntime-web/dist/{ort.webgpu.bundle.min.mjs,ort-wasm-simd-threaded.asyncify.{mjs,wasm}} \
  "$kit/node_modules/onnxruntime-web/dist/"
cp -r node_modules/onnxruntime-common "$kit/node_modules/"
# With what Dawn itself imports, which lies beside it.
for name in webgpu debug ms; do cp -r "$(dirname "$dawn")/../$name" "$kit/node_modules/"; done
find "$kit/node_modules" -name '*.map' -delete
find "$kit/node_modules/webgpu/dist" -mindepth 1 -maxdepth 1 -type d ! -name "linux-$(node -p process.arch)" -exec rm -r {} +
loader=$(ldconfig -p | sed -n 's/.*libvulkan.so.1 .*=> //p' | head -n 1)
for file in "$loader" /usr/lib/chromium/libvulkan.so.1; do [ -f "$file" ] && cp -L "$file" "$kit/lib/libvulkan.so.1" && break; done ||
  echo "No Vulkan loader is packed: the machine must have libvulkan.so.1."
cp -L "$(node -p process.execPath)" "$kit/node"; strip "$kit/node" 2>/dev/null || true
cp bench/gpu/torch_trace.py "$out/"
# xz would save a quarter and takes minutes; gzip is everywhere.
tar -czf "$out/kit.tar.gz" -C "$kit" .

cat > "$out/run.sh" <<'RUN'
#!/usr/bin/env bash
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); kit=$(mktemp -d); trap 'rm -rf "$kit"' EXIT
tar -xzf "$here/kit.tar.gz" -C "$kit"
for file in /usr/local/nvidia/share/vulkan/icd.d /usr/share/vulkan/icd.d /etc/vulkan/icd.d; do
  [ -f "$file/nvidia_icd.json" ] && export VK_DRIVER_FILES=${VK_DRIVER_FILES:-$file/nvidia_icd.json}
done
export LD_LIBRARY_PATH=$kit/lib:${LD_LIBRARY_PATH:-} XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/tmp}
"$kit/node" "$kit/main.mjs" "$@"
RUN

# Unpacked away from everything here, on Dawn's backend that computes nothing and needs no driver.
env -i PATH="$PATH" bash "$out/run.sh" --device null --layers 1 --turns 1 --only predict,trace > "$kit/tried" ||
  { cat "$kit/tried"; echo "The packed program does not run."; exit 1; }
tail -n 1 "$kit/tried" | grep -q '^0 tensors and 0 programs left' || { cat "$kit/tried"; exit 1; }
du -sh "$out"
