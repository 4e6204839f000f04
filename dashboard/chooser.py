"""The panel on the left: pictures, networks, a method with its parameters; and Run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.comparison import Comparison, PictureRef, asked_alike
from core.errors import BadInput, BadPicture, GazegridError, QueueUnavailable
from core.grid import submit_grid
from core.method import Method
from core.methods import METHODS, make_method
from core.networks.card import FAMILIES, NetworkCard
from core.networks.catalog import all_cards, get_card, search
from core.networks.layers import SharedLayer, layers_of, shared_layers
from core.picture import MAX_BYTES, read_picture
from core.presets import PRESETS, Preset
from core.samples import SAMPLE_PREFIX, sample_names, sample_title
from core.spec import MAX_SEED
from core.welcome import METHOD as DEFAULT_METHOD
from core.wording import FAMILY_NAMES, listed, network_facts, network_name, picture_name, question
from dashboard.blobs import blob_url
from dashboard.components import chosen_list, picture_buttons
from dashboard.form import Offered, method_form, prefill
from dashboard.links import GRID, Draft, picture_ref
from dashboard.live import FAULT
from dashboard.session import get_queue, get_store, plain, show_error

ENDINGS = ("png", "jpg", "jpeg", "webp", "gif", "tif", "tiff")
UPLOAD_MB = MAX_BYTES // 1_000_000
METHOD, PRESET, SEED = "compare:method", "compare:preset", "compare:seed"
BESIDE, BESIDE_AS = "compare:beside", "compare:beside_as"
"""Names of the methods beside the one of the form; and those that do not start from their defaults, by name."""
NETWORKS, ADDED, REMOVED = "compare:networks", "compare:added", "compare:removed"
PICTURES, UPLOADED, REFUSED, UPLOADS = "compare:pictures", "compare:uploaded", "compare:refused", "compare:uploads"
CLASS_OPTIONS_MAX = 20_000


def start_from(draft: Draft) -> None:
    """Let the panel hold `draft`; call it before the panel is drawn."""
    st.session_state[PICTURES] = list(draft.pictures)
    known = [ref for ref in draft.pictures if not ref.name.startswith(SAMPLE_PREFIX)]
    uploaded = st.session_state.get(UPLOADED, [])
    st.session_state[UPLOADED] = list({ref.digest: ref for ref in (*uploaded, *known)}.values())
    st.session_state[NETWORKS] = list(draft.networks)
    st.session_state[SEED] = draft.seed
    if draft.method is not None:
        st.session_state[METHOD] = draft.method.name
        prefill(draft.method)
    if draft.method is not None or draft.beside:
        _put_beside(draft.beside)


def chooser(beside: Comparison | None = None) -> None:
    """The whole panel, for the grid `beside` it; Run, always in sight, submits and turns the address into a link."""
    st.html(f"<style>{_STYLE}</style>")
    top = st.container(key="run")
    pictures = _pictures()
    networks = _networks()
    methods, fault = _methods(networks)
    seed = _seed()
    with top:
        _run(pictures, networks, methods, seed, beside)
        if fault is not None:  # up here it is in sight, whichever field it is about
            show_error(fault)


_STYLE = """
[data-testid="stMainBlockContainer"] { padding-left: clamp(1rem, 3.5vw, 5rem); padding-right: clamp(1rem, 3vw, 5rem); }
@media (min-width: 769px) and (max-width: 1100px) {
  [data-testid="stSidebar"][data-collapsed="false"] { width: 17rem !important; min-width: 17rem !important; }
}
div:has(> .st-key-run) { position: sticky; top: 0; z-index: 5; }
.st-key-run { padding: 0.5rem 0; backdrop-filter: blur(10px); }
"""


def _pictures() -> list[PictureRef]:
    st.markdown("**1 · Pictures**")
    chosen: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    digests = {ref.digest for ref in chosen}
    by_name = {ref.name for ref in chosen}
    buttons = [
        {
            "id": f"{SAMPLE_PREFIX}{name}", "name": name, "title": sample_title(name),
            "url": blob_url("sample", name, side=160), "chosen": f"{SAMPLE_PREFIX}{name}" in by_name,
        }
        for name in sample_names()
    ]  # fmt: skip
    buttons += [
        {
            "id": ref.digest, "name": picture_name(ref.name), "title": ref.name,
            "url": blob_url("picture", ref.digest, side=160), "chosen": ref.digest in digests,
        }
        for ref in st.session_state.setdefault(UPLOADED, [])
    ]  # fmt: skip
    picture_buttons(buttons, key="compare:picture_buttons", on_click=_picture_clicked)
    generation = st.session_state.setdefault(UPLOADS, 0)
    st.file_uploader(
        "Upload pictures", ENDINGS, accept_multiple_files=True, key=f"compare:upload:{generation}",
        on_change=_take_uploads, max_upload_size=UPLOAD_MB, label_visibility="collapsed",
    )  # fmt: skip
    for sentence in st.session_state.get(REFUSED, []):
        st.warning(plain(sentence), icon=":material/broken_image:")
    return chosen


def _picture_clicked() -> None:
    clicked = st.session_state["compare:picture_buttons"].get("clicked")
    if isinstance(clicked, str):
        toggle_picture(clicked)


def toggle_picture(identifier: str) -> None:
    """Take a picture into the comparison or out of it; `identifier` is `sample:NAME` or an uploaded one's digest."""
    chosen: list[PictureRef] = st.session_state.setdefault(PICTURES, [])
    rest = [ref for ref in chosen if identifier not in (ref.name, ref.digest)]
    if len(rest) == len(chosen):
        uploaded = {ref.digest: ref for ref in st.session_state.get(UPLOADED, [])}
        try:
            rest.append(uploaded.get(identifier) or picture_ref(identifier, get_store()))
        except GazegridError as error:
            st.session_state[REFUSED] = [str(error)]
    st.session_state[PICTURES] = rest


def _take_uploads() -> None:
    """Every file is read once, at once; what is refused is said, what is good stays."""
    files = st.session_state.get(f"compare:upload:{st.session_state[UPLOADS]}") or []
    taken, refused = read_uploads([(file.name, file.getvalue()) for file in files])
    for name in (UPLOADED, PICTURES):
        kept = st.session_state.setdefault(name, [])
        st.session_state[name] = list({ref.digest: ref for ref in (*kept, *taken)}.values())
    st.session_state[REFUSED] = refused
    st.session_state[UPLOADS] += 1  # an uploader of another key is empty again


def read_uploads(files: Sequence[tuple[str, bytes]]) -> tuple[list[PictureRef], list[str]]:
    """The pictures of (name, content), kept in the store; and a sentence for each that is none."""
    taken, refused = [], []
    for name, content in files:
        try:
            picture = read_picture(content, name)
            taken.append(PictureRef(get_store().put_picture(picture), name[:200]))
        except BadPicture as error:
            refused.append(str(error))
    return taken, refused


def _networks() -> list[str]:
    st.markdown("**2 · Networks**")
    chosen: list[str] = st.session_state.setdefault(NETWORKS, [])
    families = st.pills(
        "Families", FAMILIES, selection_mode="multi", format_func=FAMILY_NAMES.__getitem__,
        key="compare:families", label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    found = {card.name: card for card in search("", tuple(families or ())) if card.name not in chosen}
    st.selectbox(
        "Add a network", list(found), index=None, key=ADDED, on_change=_add_selected,
        format_func=lambda name: f"{name} · {network_facts(found[name])}" if name in found else name,
        placeholder=f"Search {len(found):,} networks to add", label_visibility="collapsed",
    )  # fmt: skip
    if chosen:
        chosen_list([_chosen_line(get_card(name)) for name in chosen], key=REMOVED, on_remove=_remove_clicked)
    if st.button("Browse all networks", icon=":material/table_rows:", type="tertiary"):
        _browse()
    return chosen


def _chosen_line(card: NetworkCard) -> dict[str, Any]:
    return {
        "id": card.name,
        "title": network_name(card.name),
        "facts": f"{network_facts(card)} · licence {card.licence}",
        "note": "random weights" if card.random_weights else None,
    }


def _add_selected() -> None:
    add_networks([st.session_state[ADDED]])
    st.session_state[ADDED] = None


def _remove_clicked() -> None:
    removed = st.session_state[REMOVED].get("removed")
    st.session_state[NETWORKS] = [name for name in st.session_state.get(NETWORKS, []) if name != removed]


def add_networks(names: Sequence[str]) -> None:
    """Take these into the comparison, behind those that are there."""
    known = [name for name in names if name]
    st.session_state[NETWORKS] = list(dict.fromkeys((*st.session_state.get(NETWORKS, []), *known)))


@st.dialog("Networks", width="large", icon=":material/hub:")
def _browse() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Search", key="browse:text", type="search", live=True, placeholder="resnet, patch16, lite…"
        )
        families = st.segmented_control(
            "Family", FAMILIES, selection_mode="multi", format_func=FAMILY_NAMES.__getitem__, key="browse:families"
        )
    cards = search(text or "", tuple(families or FAMILIES))
    st.caption(f"{len(cards):,} networks. Mark the rows to compare.")
    event: Any = st.dataframe(
        [_network_row(card) for card in cards], hide_index=True, height=430, on_select="rerun",
        selection_mode="multi-row", key=f"browse:table:{text}:{families}",
        column_config={"Parameters (M)": st.column_config.NumberColumn(format="%.1f")},
    )  # fmt: skip
    marked = [cards[row].name for row in event.selection.rows]
    if st.button(f"Add {len(marked)} to the comparison" if marked else "Add", type="primary", disabled=not marked):
        add_networks(marked)
        st.rerun()


def _network_row(card: NetworkCard) -> dict[str, Any]:
    return {
        "Network": card.name,
        "Family": FAMILY_NAMES[card.family],
        "Parameters (M)": card.parameters / 1e6,
        "Input (px)": card.input_px[0],
        "Classes": len(card.class_names),
        "Licence": card.licence,
        "Weights": "random" if card.random_weights else card.source,
    }


def _methods(networks: Sequence[str]) -> tuple[tuple[Method, ...], BadInput | None]:
    """The method of the form and those beside it; or none, and why what the form says is none yet."""
    st.markdown("**3 · Method**")
    st.menu_button(
        "Start from a preset", PRESETS, key=PRESET, on_click=_start_from_preset, format_func=_preset_label,
        icon=":material/lightbulb:", width="stretch",
    )  # fmt: skip
    names = [name for name, method in METHODS.items() if method.needs.grid]
    st.session_state.setdefault(METHOD, DEFAULT_METHOD if DEFAULT_METHOD in METHODS else names[0])
    name = st.selectbox(
        "Method", names, key=METHOD, format_func=lambda name: METHODS[name].title, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    asked, told = question(METHODS[name].summary)
    if asked:
        st.markdown(f"*{plain(asked)}*")
    st.caption(plain(told))
    others = _beside([other for other in names if other != name])
    try:
        return asked_alike(method_form(METHODS[name], offered=_offered(networks)), others), None
    except BadInput as error:
        return (), error


def _beside(names: Sequence[str]) -> list[Method]:
    """The methods that are to stand beside the one of the form, before they are asked the same."""
    st.session_state[BESIDE] = [name for name in st.session_state.get(BESIDE) or [] if name in names]
    chosen = st.multiselect(
        "Beside it", names, key=BESIDE, format_func=lambda name: METHODS[name].title, persist_state="session",
        placeholder="Other methods, for the same question", select_all=False,
        help="Each gets rows of its own. It explains the same class, channel or neuron where it can be asked for one, "
        "and its other parameters keep their defaults.",
    )  # fmt: skip
    kept: dict[str, Method] = st.session_state.get(BESIDE_AS, {})
    return [kept.get(name) or make_method(name, {}) for name in chosen]


def _put_beside(methods: Sequence[Method]) -> None:
    st.session_state[BESIDE] = list(dict.fromkeys(method.name for method in methods))
    st.session_state[BESIDE_AS] = {method.name: method for method in reversed(methods)}


def _preset_label(preset: Preset) -> str:
    told = f"{METHODS[preset.method].title} {preset.note}".rstrip()
    return f"{preset.question} :gray[{told}]"


def _start_from_preset() -> None:
    """Method and parameters of the question; the form shows them, and all can be changed."""
    preset: Preset = st.session_state[PRESET]
    st.session_state[METHOD] = preset.method
    prefill(preset.made(st.session_state.get(NETWORKS, [])))
    _put_beside([make_method(name, {}) for name in preset.beside])


def _offered(networks: Sequence[str]) -> Offered:
    """The classes of the chosen networks; these networks, and behind them all others that can be listed."""
    names = (card.name for card in all_cards())
    layers, no_layers = layers_in_common(networks)
    return Offered(class_names(networks), list(dict.fromkeys((*networks, *names))), layers, no_layers)


def layers_in_common(networks: Sequence[str]) -> tuple[list[SharedLayer], str]:
    """The layers that all chosen networks have; where there are none, why, in a sentence."""
    if not networks:
        return [], "Choose networks first: the layers that they have in common are then listed here."
    known = {name: layers_of(get_card(name)) for name in networks}
    if unknown := [network_name(name) for name, layers in known.items() if not layers]:
        return [], f"The layers of {listed(unknown)} are listed here once a first cell has been computed."
    shared = shared_layers(list(known.values()))
    return shared, "" if shared else "These networks have no layer name in common: depth compares across networks."


def class_names(networks: Sequence[str]) -> list[str]:
    """The classes of the chosen networks, each once, in the order of the first network that has it."""
    names = dict.fromkeys(label for name in networks for label in get_card(name).class_names)
    return list(names)[:CLASS_OPTIONS_MAX]


def _seed() -> int:
    st.session_state.setdefault(SEED, 0)
    seed = st.number_input(
        "Seed", 0, MAX_SEED, step=1, key=SEED, persist_state="session",
        help="Every random number of a job comes from it: the same seed gives the same result.",
    )  # fmt: skip
    return int(seed)


def _run(
    pictures: Sequence[PictureRef],
    networks: Sequence[str],
    methods: Sequence[Method],
    seed: int,
    beside: Comparison | None,
) -> None:
    """The button; under it, whether the panel asks for another grid than the one beside it."""
    lacking = " and ".join(what for what, given in (("a picture", pictures), ("a network", networks)) if not given)
    count = len(pictures) * len(networks) * max(1, len(methods))
    label = f"Run {count} {'cell' if count == 1 else 'cells'}" if count else "Run"
    draft = None if lacking or not methods else _drafted(tuple(pictures), tuple(networks), tuple(methods), seed)
    pressed = st.button(
        label, type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=draft is None, help=f"Choose {lacking} first." if lacking else None,
    )  # fmt: skip
    if beside is not None and (draft is None or draft.key != beside.key):
        st.caption("Changed: the grid beside is of other choices. Run makes a new one and keeps the old.")
    if pressed and draft is not None:
        _submit(draft)


def _drafted(
    pictures: tuple[PictureRef, ...], networks: tuple[str, ...], methods: tuple[Method, ...], seed: int
) -> Comparison | None:
    try:
        return Comparison(pictures, networks, methods, seed)
    except GazegridError as error:
        show_error(error)
        return None


def _submit(comparison: Comparison) -> None:
    try:
        submit_grid(comparison, get_store(), get_queue())
    except QueueUnavailable as error:
        st.session_state[FAULT] = error  # the comparison is kept: what is stored of it can be seen
    except GazegridError as error:
        show_error(error)
        return
    st.query_params.from_dict({GRID: comparison.key})
    st.rerun()


def parameters_line(method: Method) -> str:
    """The parameters that differ from their defaults, or that none does."""
    changed = {
        name: getattr(method, name)
        for name, field in type(method).model_fields.items()
        if getattr(method, name) != field.default
    }
    return ", ".join(f"{name} = {_shown(value)}" for name, value in changed.items()) or "default parameters"


def _shown(value: Any) -> str:
    """A parameter's value in a line; networks, which are kept as identities, by their names."""
    if isinstance(value, tuple):
        return " and ".join(network_name(identity.partition("#")[0]) for identity in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
