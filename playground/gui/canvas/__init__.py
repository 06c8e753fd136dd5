"""The network as it is drawn and edited: layout, painter, lanes and their controls."""
