"""llama.cpp itself loads the file and computes what transformers computes: where llama-cpp-python is installed."""

import pytest
import torch
from transformers import AutoTokenizer

from rl.export import export_gguf, find_source
from rl.export.pre_tokenizer import known
from tests.rl.export.folders import PROMPT, TEXTS, loaded, logits, model_folder

llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")
IDS = torch.randint(5, 300, (40,), generator=torch.Generator().manual_seed(7)).tolist()


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_llama_cpp_gives_the_logits_the_tokens_and_the_greedy_text_of_transformers(tmp_path, family):
    folder = model_folder(tmp_path / "model", family)
    done = export_gguf(find_source(folder), tmp_path / "out", "fp32")
    model, tokenizer = loaded(folder), AutoTokenizer.from_pretrained(folder)
    other = llama_cpp.Llama(
        str(done.folder / done.files[0]), n_ctx=256, n_threads=1, logits_all=True, type_k=0, type_v=0, verbose=False
    )
    other.eval(IDS)
    torch.testing.assert_close(torch.tensor(other.scores[: len(IDS)]), logits(model, IDS), atol=1e-4, rtol=1e-4)
    for text in [*known().texts, *TEXTS]:
        assert other.tokenize(text.encode(), add_bos=True, special=True) == tokenizer.encode(text)
    turns = [{"role": "user", "content": PROMPT}]
    ids = tokenizer.encode(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    wanted = model.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=20)[0].tolist()
    while len(ids) < len(wanted):
        other.reset()
        other.eval(ids)
        ids.append(int(other.scores[len(ids) - 1].argmax()))
    assert ids == wanted
    other.close()
